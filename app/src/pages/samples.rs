//! Example calls with the reader's own Client ID and gateway address.

use model::CompanyContext;

use crate::ui::Snippet;

/// The path every example calls; the demo's upstream answers it.
const PATH: &str = "/v1/users/";

/// One line for a shell.
pub fn curl(company: &CompanyContext, secret: &str) -> String {
    format!(
        "curl {}{PATH} \\\n  -H \"X-Access-Client-Id: {}\" \\\n  -H \"X-Access-Secret: {secret}\"",
        company.gateway_url, company.client_id
    )
}

/// curl, Python and Node. The latter two take the secret from the environment, where it belongs.
pub fn request(company: &CompanyContext, secret: &str) -> Vec<Snippet> {
    let (url, client_id) = (&company.gateway_url, company.client_id);
    let python = format!(
        "import os, urllib.request\n\nrequest = urllib.request.Request(\n    \"{url}{PATH}\",\n    headers={{\n        \
         \"X-Access-Client-Id\": \"{client_id}\",\n        \"X-Access-Secret\": os.environ[\"SECRET\"],\n    }},\n)\n\
         print(urllib.request.urlopen(request).read().decode())"
    );
    let node = format!(
        "const answer = await fetch(\"{url}{PATH}\", {{\n  headers: {{\n    \"X-Access-Client-Id\": \"{client_id}\",\n    \
         \"X-Access-Secret\": process.env.SECRET,\n  }},\n}});\nconsole.log(await answer.json());"
    );
    vec![
        Snippet::new("curl", curl(company, secret)),
        Snippet::new("Python", python),
        Snippet::new("Node", node),
    ]
}
