//! Example calls with the reader's own Client ID and gateway address.

use model::CompanyContext;

use crate::credential_names;
use crate::ui::Snippet;

/// The path that every example calls; the demo's API has it.
pub const PATH: &str = "/v1/users/";

/// One line for a shell.
pub fn curl(company: &CompanyContext, secret: &str) -> String {
    curl_to(&company.gateway_url, &company.client_id.to_string(), secret)
}

fn curl_to(url: &str, client_id: &str, secret: &str) -> String {
    let names = credential_names();
    format!(
        "curl {url}{PATH} \\\n  -H \"{}: {client_id}\" \\\n  -H \"{}: {secret}\"",
        names.client_id, names.secret
    )
}

/// The line of an `.env` file from which the examples take the secret.
pub fn env_line(secret: &str) -> String {
    format!("SECRET={secret}")
}

/// curl, Python and Node. The latter two take the secret from the environment, where it belongs.
pub fn request(company: &CompanyContext, secret: &str) -> Vec<Snippet> {
    request_to(&company.gateway_url, &company.client_id.to_string(), secret)
}

/// The same for a reader without a company: `client_id` can then be a placeholder.
pub fn request_to(url: &str, client_id: &str, secret: &str) -> Vec<Snippet> {
    let names = credential_names();
    let (id_header, secret_header) = (&names.client_id, &names.secret);
    let python = format!(
        "import os, urllib.request\n\nrequest = urllib.request.Request(\n    \"{url}{PATH}\",\n    headers={{\n        \
         \"{id_header}\": \"{client_id}\",\n        \"{secret_header}\": os.environ[\"SECRET\"],\n    }},\n)\n\
         print(urllib.request.urlopen(request).read().decode())"
    );
    let node = format!(
        "const answer = await fetch(\"{url}{PATH}\", {{\n  headers: {{\n    \"{id_header}\": \"{client_id}\",\n    \
         \"{secret_header}\": process.env.SECRET,\n  }},\n}});\nconsole.log(await answer.json());"
    );
    vec![
        Snippet::new("curl", curl_to(url, client_id, secret)),
        Snippet::new("Python", python),
        Snippet::new("Node", node),
    ]
}
