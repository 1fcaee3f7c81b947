//! Configurations for proxies that call `/verify`. They are the files of `docs/integrations`, which `cargo xtask test --peers`
//! runs in the real proxies.

/// Each with its label.
pub(super) const SAMPLES: [(&str, &str); 7] = [
    ("nginx", include_str!("../../../../docs/integrations/nginx.conf")),
    ("Caddy", include_str!("../../../../docs/integrations/Caddyfile")),
    (
        "Traefik: traefik.yml",
        include_str!("../../../../docs/integrations/traefik.yml"),
    ),
    (
        "Traefik: traefik-dynamic.yml",
        include_str!("../../../../docs/integrations/traefik-dynamic.yml"),
    ),
    ("Envoy", include_str!("../../../../docs/integrations/envoy.yaml")),
    (
        "HAProxy: haproxy.cfg",
        include_str!("../../../../docs/integrations/haproxy.cfg"),
    ),
    (
        "HAProxy: gatehouse.lua",
        include_str!("../../../../docs/integrations/gatehouse.lua"),
    ),
];
