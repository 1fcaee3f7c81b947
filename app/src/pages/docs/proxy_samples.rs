//! Configurations for proxies that call `/verify`. Each removes headers with which a caller could pose as the proxy or
//! Gatehouse, and keeps the credentials from the API.

pub(super) const NGINX: &str = r#"upstream gatehouse { server 127.0.0.1:9090; keepalive 16; }
upstream api        { server 127.0.0.1:8000; keepalive 16; }

server {
    listen 443 ssl;
    client_max_body_size 0;

    location / {
        auth_request /_verify;
        auth_request_set $gh_status  $upstream_http_x_gatehouse_status;
        auth_request_set $gh_retry   $upstream_http_retry_after;
        auth_request_set $gh_id      $upstream_http_x_request_id;
        auth_request_set $gh_company $upstream_http_x_gatehouse_company;
        auth_request_set $gh_client  $upstream_http_x_gatehouse_client_id;
        auth_request_set $gh_env     $upstream_http_x_gatehouse_environment;
        auth_request_set $gh_key     $upstream_http_x_gatehouse_key_id;
        auth_request_set $gh_brand   $upstream_http_x_gatehouse_brand;

        proxy_http_version 1.1;
        proxy_set_header Connection              "";
        proxy_set_header Host                    $http_host;
        proxy_set_header X-Forwarded-For         $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto       $scheme;
        proxy_set_header X-Gatehouse-Company     $gh_company;
        proxy_set_header X-Gatehouse-Client-Id   $gh_client;
        proxy_set_header X-Gatehouse-Environment $gh_env;
        proxy_set_header X-Gatehouse-Key-Id      $gh_key;
        proxy_set_header X-Gatehouse-Brand       $gh_brand;
        proxy_set_header X-Request-Id            $gh_id;
        proxy_set_header X-Access-Secret         "";
        proxy_set_header X-Access-Client-Id      "";
        proxy_pass http://api;

        add_header X-Request-Id $gh_id always;
        error_page 401 @unauthorized;
        error_page 403 = @refused;
        error_page 500 =503 @unavailable;
    }

    location = /_verify {
        internal;
        proxy_pass http://gatehouse/verify?environment=prod&profile=nginx;
        proxy_http_version 1.1;
        proxy_pass_request_body off;
        proxy_set_header Connection         "";
        proxy_set_header Content-Length     "";
        proxy_set_header Transfer-Encoding  "";
        proxy_set_header Host               $http_host;
        proxy_set_header X-Forwarded-Method $request_method;
        proxy_set_header X-Forwarded-Uri    $request_uri;
        proxy_set_header X-Original-Method  "";
        proxy_set_header X-Original-Uri     "";
        proxy_set_header X-Original-Url     "";
        proxy_set_header X-Rewrite-Url      "";
        proxy_set_header X-Forwarded-For    $proxy_add_x_forwarded_for;
    }

    location @unauthorized {
        internal;
        default_type application/json;
        add_header X-Request-Id $gh_id always;
        return 401 '{"error":{"code":"authentication_failed","message":"No such user"}}';
    }

    # nginx passes on only 401 and 403; X-Gatehouse-Status has the real status.
    location @refused {
        internal;
        default_type application/json;
        add_header X-Request-Id $gh_id always;
        add_header Retry-After $gh_retry always;
        if ($gh_status = 429) { return 429 '{"error":{"code":"throttled","message":"Request was throttled."}}'; }
        if ($gh_status = 400) { return 400 '{"error":{"code":"incorrect_parameters","message":"Incorrect request parameters"}}'; }
        return 403 '{"error":{"code":"not_authenticated","message":"This key may not be used for this request."}}';
    }

    location @unavailable {
        internal;
        default_type application/json;
        return 503 '{"error":{"code":"not_ready","message":"The service is not ready. Try again in a moment."}}';
    }
}"#;

pub(super) const CADDY: &str = r#"api.example.com {
	route {
		request_header -X-Gatehouse*
		request_header -X_Gatehouse*
		request_header -X.Gatehouse*
		request_header -X-Original-*
		request_header -X-Rewrite-Url
		# Otherwise a caller's Connection header could remove what copy_headers sets.
		@upgrade header Connection *pgrade*
		@plain not header Connection *pgrade*
		request_header @upgrade Connection Upgrade
		request_header @plain -Connection

		forward_auth 127.0.0.1:9090 {
			uri /verify?environment=prod&profile=caddy
			copy_headers X-Gatehouse-Company X-Gatehouse-Client-Id X-Gatehouse-Environment X-Gatehouse-Key-Id X-Gatehouse-Brand X-Request-Id
		}
		reverse_proxy 127.0.0.1:8000 {
			header_up -X-Access-Secret
			header_up -X-Access-Client-Id
		}
	}
}"#;

pub(super) const TRAEFIK: &str = r#"http:
  routers:
    api: { rule: "PathPrefix(`/`)", entryPoints: [websecure], service: api, middlewares: [claims, gatehouse, credentials] }
  middlewares:
    claims:
      headers:
        customRequestHeaders:
          X-Original-Method: ""
          X-Original-Uri: ""
          X-Original-Url: ""
          X-Rewrite-Url: ""
    gatehouse:
      forwardAuth:
        address: "http://127.0.0.1:9090/verify?environment=prod&profile=traefik"
        trustForwardHeader: false
        authResponseHeaders: [X-Request-Id]
        # Matching headers are removed from the caller's request first.
        authResponseHeadersRegex: "(?i)^x[^a-z0-9]gatehouse"
    credentials:
      headers:
        customRequestHeaders:
          X-Access-Secret: ""
          X-Access-Client-Id: ""
          X_Access_Secret: ""
          X_Access_Client_Id: ""
  services:
    api: { loadBalancer: { servers: [{ url: "http://127.0.0.1:8000" }] } }"#;

pub(super) const ENVOY: &str = r#"http_filters:
- name: mutate
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
    mutations:
      request_mutations:
      - remove_on_match: {key_matcher: {safe_regex: {regex: "x[^a-z0-9]gatehouse.*"}}}
      - append: {append_action: OVERWRITE_IF_EXISTS_OR_ADD, header: {key: x-forwarded-uri, value: "%REQ(:path)%"}}
      - append: {append_action: OVERWRITE_IF_EXISTS_OR_ADD, header: {key: x-forwarded-method, value: "%REQ(:method)%"}}
- name: gatehouse
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
    failure_mode_allow: false
    status_on_error: {code: ServiceUnavailable}
    allowed_headers: {patterns: [{exact: x-access-client-id}, {exact: x-access-secret}, {exact: x-brand-id}, {exact: x-forwarded-uri}, {exact: x-forwarded-method}, {exact: x-forwarded-for}, {exact: user-agent}]}
    http_service:
      path_override: /verify?environment=prod&profile=envoy
      server_uri: {uri: "http://127.0.0.1:9090", cluster: gatehouse, timeout: 2s}
      authorization_response:
        allowed_upstream_headers: {patterns: [{prefix: x-gatehouse-}, {exact: x-request-id}]}
        allowed_client_headers: {patterns: [{exact: content-type}, {exact: retry-after}, {exact: www-authenticate}, {exact: x-request-id}, {exact: cache-control}]}
- name: router
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}

# In the connection manager:
common_http_protocol_options: {headers_with_underscores_action: DROP_HEADER}
# In the route configuration:
request_headers_to_remove: [x-access-secret, x-access-client-id]"#;

pub(super) const HAPROXY: &str = r#"# haproxy.cfg
global
  lua-load ./gatehouse.lua
frontend in
  bind :443 ssl crt /etc/haproxy/api.pem
  option forwardfor
  http-request del-header ^x[^a-z0-9]gatehouse -m reg
  http-request lua.gatehouse
  http-request lua.gatehouse_refuse if { var(txn.gh_status) -m found } !{ var(txn.gh_status) -m int 200 }
  http-request set-header X-Gatehouse-Company     %[var(txn.gh_x_gatehouse_company)]
  http-request set-header X-Gatehouse-Client-Id   %[var(txn.gh_x_gatehouse_client_id)]
  http-request set-header X-Gatehouse-Environment %[var(txn.gh_x_gatehouse_environment)]
  http-request set-header X-Gatehouse-Key-Id      %[var(txn.gh_x_gatehouse_key_id)]
  http-request set-header X-Gatehouse-Brand       %[var(txn.gh_x_gatehouse_brand)]
  http-request set-header X-Request-Id            %[var(txn.gh_x_request_id)]
  http-request del-header ^x[^a-z0-9]access -m reg
  default_backend api

-- gatehouse.lua
local URL = "http://127.0.0.1:9090/verify?environment=prod&profile=haproxy"
local PASS = { "x-access-client-id", "x-access-secret", "x-brand-id", "user-agent", "x-forwarded-for" }
local TAKE = { "x-gatehouse-company", "x-gatehouse-client-id", "x-gatehouse-environment",
               "x-gatehouse-key-id", "x-gatehouse-brand", "x-request-id" }
core.register_action("gatehouse", { "http-req" }, function(txn)
  local got, headers = txn.http:req_get_headers(), {}
  for _, name in ipairs(PASS) do
    if got[name] then headers[name] = {}; for i = 0, #got[name] do table.insert(headers[name], got[name][i]) end end
  end
  headers["x-forwarded-for"] = { (got["x-forwarded-for"] and got["x-forwarded-for"][0] .. ", " or "") .. txn.f:src() }
  headers["x-forwarded-method"] = { txn.f:method() }
  local query = txn.f:query()
  headers["x-forwarded-uri"] = { txn.f:path() .. ((query and query ~= "") and ("?" .. query) or "") }
  local answer = core.httpclient():get{ url = URL, headers = headers, timeout = 2000 }
  local status = (answer and answer.status and answer.status ~= 0) and answer.status or 503
  txn:set_var("txn.gh_status", status)
  if status ~= 200 then
    txn:set_priv({ status = status, body = (answer and answer.body) or "", headers = (answer and answer.headers) or {} })
    return
  end
  for _, name in ipairs(TAKE) do
    if answer.headers[name] then txn:set_var("txn.gh_" .. name:gsub("-", "_"), answer.headers[name][0]) end
  end
end, 0)
core.register_action("gatehouse_refuse", { "http-req" }, function(txn)
  local refused, reply = txn:get_priv(), txn:reply()
  reply:set_status(refused.status)
  for _, name in ipairs({ "content-type", "retry-after", "www-authenticate", "x-request-id", "cache-control" }) do
    if refused.headers[name] then reply:add_header(name, refused.headers[name][0]) end
  end
  reply:set_body(refused.body)
  txn:done(reply)
end, 0)"#;
