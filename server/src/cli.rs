//! The command line: `gatehouse serve …` and `gatehouse admin …`. Values are taken as text here and understood in
//! [`crate::config`], so that a fault reads the same whether it came from a flag, a variable or the file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The Development page of an API company: API keys, request logs and webhooks.
#[derive(Debug, Parser)]
#[command(name = "gatehouse", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the dashboard, the gateway and the operator API.
    ///
    /// Each flag may also be a variable (`GATEHOUSE_GATEWAY_LISTEN`) or a line of gatehouse.toml (`gateway-listen = "…"`);
    /// a flag wins over a variable, a variable over the file. Lists are separated by commas in variables.
    ///
    /// The master key and the pepper are never flags: they are files in the data directory (made for a new one), systemd
    /// credentials, or the variables GATEHOUSE_MASTER_KEY and GATEHOUSE_PEPPER.
    Serve(Box<ServeArgs>),
    /// Create, list and revoke companies, members, sessions, keys and tokens, whether a server is running or not.
    ///
    /// A command waits its turn while another one, or a server that is starting or stopping, works on the data directory.
    /// What it revokes is refused from its answer on, on every node.
    Admin(AdminArgs),
}

/// What `gatehouse serve` was told, as text; [`crate::config`] understands it.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Your company's name, as customers read it on their pages [default: "your API provider"]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where the embedded database lives [default: gatehouse-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Dashboard and public API [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Gateway: checks keys and forwards [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub gateway_listen: Option<String>,
    /// Operator API, verify, metrics; never published [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR")]
    pub operator_listen: Option<String>,
    /// A name by which the operator listener is reached, besides IP addresses and localhost; others are refused
    #[arg(long, value_name = "HOST")]
    pub operator_host: Vec<String>,
    /// How browsers reach the dashboard [default: http:// and the listen address]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// How programs reach the gateway [default: http:// and the gateway's listen address]
    #[arg(long, value_name = "URL")]
    pub gateway_url: Option<String>,
    /// The API behind the gateway, one for each environment: sandbox=URL, dev=URL, prod=URL
    #[arg(long, value_name = "ENV=URL")]
    pub upstream: Vec<String>,
    /// PostgreSQL instead of the embedded database: postgres://…
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// A network that webhooks may reach though it is private: CIDR or CIDR:PORT,PORT
    #[arg(long, value_name = "CIDR[:PORTS]")]
    pub allow_network: Vec<String>,
    /// A network whose X-Forwarded-For is believed
    #[arg(long, value_name = "CIDR")]
    pub trusted_proxy: Vec<String>,
    /// The User-Agent of deliveries [default: Gatehouse-Webhook-Service/2.0]
    #[arg(long, value_name = "TEXT")]
    pub webhook_user_agent: Option<String>,
    /// The header that carries a delivery's signature [default: X-WEBHOOK-SIGN]
    #[arg(long, value_name = "NAME")]
    pub webhook_sign_header: Option<String>,
    /// Connections from one address (a /64 of IPv6) to one listener; trusted proxies may have more [default: 1024]
    #[arg(long, value_name = "N")]
    pub connections_per_address: Option<String>,
    /// Requests a key may make at once, refilled within a minute; or off [default: 300]
    #[arg(long, value_name = "N|off")]
    pub rate_limit: Option<String>,
    /// A name whose values the log never keeps, besides password, token, email and their like; read as words
    ///
    /// Headers, members of JSON, form fields and parameters whose name has these words in a row: salary hides annualSalary
    /// and x-salary too.
    #[arg(long, value_name = "NAME")]
    pub redact_name: Vec<String>,
    /// A name whose values the log keeps, though it looks secret: contact-email
    ///
    /// Authorization, Cookie and the access secret itself are never kept.
    #[arg(long, value_name = "NAME")]
    pub keep_name: Vec<String>,
    /// The header that carries the Client ID [default: X-Access-Client-Id]
    #[arg(long, value_name = "HEADER")]
    pub client_id_header: Option<String>,
    /// The header that carries a key's secret [default: X-Access-Secret]
    #[arg(long, value_name = "HEADER")]
    pub secret_header: Option<String>,
    /// What new secrets of an environment begin with, such as sandbox=sk_test_ [default: sandbox-, dev-, prod-].
    /// Repeat it for more: the first is used for new keys, all are accepted, and so are the defaults
    #[arg(long, value_name = "ENV=PREFIX")]
    pub key_prefix: Vec<String>,
    /// What to print: error, warn, info, debug, or per module [default: info]
    #[arg(long, value_name = "LEVELS")]
    pub log: Option<String>,
    /// A world to look at, on loopback only; `--demo=empty` starts bare
    #[arg(long, value_name = "empty", num_args = 0..=1, require_equals = true, default_missing_value = "full")]
    pub demo: Option<String>,
    /// Settings file [default: gatehouse.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Leptos's own runtime options
    #[arg(long, value_name = "FILE", default_value = "Leptos.toml", hide = true)]
    pub leptos_config: PathBuf,
}

#[derive(Debug, Args)]
pub struct AdminArgs {
    #[command(subcommand)]
    pub action: AdminAction,
    /// The server's data directory [default: gatehouse-data]
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<String>,
    /// PostgreSQL instead of the embedded database: postgres://…
    #[arg(long, value_name = "URL", global = true)]
    pub database_url: Option<String>,
    /// Answer with one line of JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Settings file [default: gatehouse.toml, if it exists]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum AdminAction {
    /// Create a company, or with --parent a brand of one
    CreateCompany {
        #[arg(long)]
        name: String,
        #[arg(long, value_name = "CLIENT_ID")]
        parent: Option<String>,
    },
    /// List all companies
    ListCompanies,
    /// Add a person to a company. The password is read from standard input; from a terminal it is generated and shown
    CreateMember {
        #[arg(long)]
        client_id: String,
        #[arg(long)]
        email: String,
        /// owner or viewer
        #[arg(long)]
        role: String,
        /// Make up a password and show it, whatever standard input is
        #[arg(long)]
        generate_password: bool,
    },
    /// List the members of a company
    ListMembers {
        #[arg(long)]
        client_id: String,
    },
    /// Take a person out of a company and end all their sessions; without another company their account ends too
    RemoveMember {
        #[arg(long)]
        member_id: String,
    },
    /// Give a person another password and end all their sessions. The password is read as for create-member
    SetPassword {
        #[arg(long)]
        email: String,
        /// Make up a password and show it, whatever standard input is
        #[arg(long)]
        generate_password: bool,
    },
    /// List sessions: everybody's, those of a company's members, or one person's
    ListSessions {
        #[arg(long)]
        client_id: Option<String>,
        #[arg(long, conflicts_with = "client_id")]
        email: Option<String>,
    },
    /// End one session, or with --email all of a person's
    RevokeSession {
        #[arg(long, required_unless_present = "email")]
        session_id: Option<String>,
        #[arg(long, conflicts_with = "session_id")]
        email: Option<String>,
    },
    /// Generate an API key and show its secret
    CreateKey {
        #[arg(long)]
        client_id: String,
        /// sandbox, dev or prod
        #[arg(long)]
        environment: String,
    },
    /// List the active API keys of a company, without their secrets
    ListKeys {
        #[arg(long)]
        client_id: String,
    },
    /// Delete an API key; it is refused from the answer on
    DeleteKey {
        #[arg(long)]
        key_id: String,
    },
    /// Create a bearer token for the operator API and show it
    CreateOperatorToken {
        #[arg(long)]
        name: String,
        /// events, logs (these two by default), companies, members, keys, tokens
        ///
        /// events publishes events; companies lists and creates companies; members lists, adds and removes members, sets
        /// passwords and ends sessions (so its holder can sign in as any of them); keys lists, creates and deletes keys;
        /// tokens lists and revokes tokens. Only this command creates tokens: no token can widen itself.
        #[arg(long)]
        scope: Vec<String>,
    },
    /// List operator tokens, without the tokens themselves
    ListOperatorTokens,
    /// Revoke an operator token; the next request with it is refused
    RevokeOperatorToken {
        #[arg(long)]
        token_id: String,
    },
}
