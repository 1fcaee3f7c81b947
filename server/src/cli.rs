//! The command line: `gatehouse serve …` and `gatehouse admin …`. Values are taken as text here and understood in
//! [`crate::config`], so that a fault reads the same whether it came from a flag, a variable or the file.

mod deliveries;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use deliveries::{DeliveriesAction, DeliverySelection};

/// The Development page of an API company: API keys, request logs and webhooks.
#[derive(Debug, Parser)]
#[command(name = "gatehouse", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, read from the command line"
)]
pub enum Command {
    /// Run the dashboard, the gateway and the operator API.
    ///
    /// Each flag can also be an environment variable (`GATEHOUSE_GATEWAY_LISTEN`) or a line in gatehouse.toml
    /// (`gateway-listen = "…"`). Flags override variables, and variables override the file. In variables, separate the
    /// items of a list with commas.
    ///
    /// The master key and the pepper are never flags. They are files in the data directory (created with it), systemd
    /// credentials, or the variables GATEHOUSE_MASTER_KEY and GATEHOUSE_PEPPER.
    Serve(Box<ServeArgs>),
    /// Create, list and revoke companies, members, sessions, keys and tokens, back up and check, with or without a running
    /// server.
    ///
    /// A command waits while another command, or a server that is starting or stopping, uses the data directory. Once a
    /// command returns, every node refuses what it revoked.
    Admin(AdminArgs),
}

/// What `gatehouse serve` was told, as text; [`crate::config`] understands it.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// Your company's name, as customers see it [default: "your API provider"]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Directory of the embedded database [default: gatehouse-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Dashboard and public API [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Gateway: checks keys and forwards [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub gateway_listen: Option<String>,
    /// Operator API, verify and metrics; never expose it to the internet [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR")]
    pub operator_listen: Option<String>,
    /// A host name that the operator listener accepts besides IP addresses and localhost
    #[arg(long, value_name = "HOST")]
    pub operator_host: Vec<String>,
    /// How browsers reach the dashboard [default: http://, or https:// with a certificate, and the listen address]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// How programs reach the gateway [default: http://, or https:// with a certificate, and the gateway's listen address]
    #[arg(long, value_name = "URL")]
    pub gateway_url: Option<String>,
    /// The API behind the gateway, one for each environment: sandbox=URL, dev=URL, prod=URL
    #[arg(long, value_name = "ENV=URL")]
    pub upstream: Vec<String>,
    /// When to speak HTTP/2 to upstreams: off; tls, if an https upstream chooses it; or always, also to http upstreams
    /// [default: tls]
    #[arg(long, value_name = "MODE")]
    pub upstream_http2: Option<String>,
    /// The dashboard's certificate, followed by those of its issuers, in a PEM file
    ///
    /// With a certificate, the listener speaks TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2. Both files are read again when they
    /// change.
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<String>,
    /// The key of the dashboard's certificate, in a PEM file
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// The gateway's certificate, followed by those of its issuers, in a PEM file
    #[arg(long, value_name = "FILE")]
    pub gateway_tls_certificate: Option<String>,
    /// The key of the gateway's certificate, in a PEM file
    #[arg(long, value_name = "FILE")]
    pub gateway_tls_key: Option<String>,
    /// PostgreSQL instead of the embedded database: postgres://…
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// A private network that webhooks may reach, also over http: CIDR or CIDR:PORT,PORT
    #[arg(long, value_name = "CIDR[:PORTS]")]
    pub allow_network: Vec<String>,
    /// A network of proxies whose X-Forwarded-For is trusted
    #[arg(long, value_name = "CIDR")]
    pub trusted_proxy: Vec<String>,
    /// A network of proxies that may ask /verify [default: this machine only]
    #[arg(long, value_name = "CIDR")]
    pub verify_peer: Vec<String>,
    /// Where proxies that ask /verify send their access log, as syslog over UDP or TCP: 127.0.0.1:5514
    ///
    /// /verify does not see how a request ends, so its row has no status until the proxy's log tells. The configurations in
    /// docs/integrations do. Only lines of proxies that may ask /verify are taken.
    #[arg(long, value_name = "ADDR")]
    pub completion_syslog: Option<String>,
    /// An access log of a proxy that only writes files; followed when it is rotated
    #[arg(long, value_name = "FILE")]
    pub completion_file: Vec<String>,
    /// How long a row waits for its line of the access log before it is stored without a status [default: 65s]
    ///
    /// Setting it, or one of the two above, also turns on POST /verify/completions.
    #[arg(long, value_name = "TIME")]
    pub completion_wait: Option<String>,
    /// What passes without a key: a path of an environment's API, or all below one: prod=/status, prod=/docs/*
    ///
    /// A request that sends credentials all the same is judged by them.
    #[arg(long, value_name = "ENV=PATH")]
    pub public_path: Vec<String>,
    /// The environment whose API answers browsers' CORS preflights, which carry no key [default: none]
    #[arg(long, value_name = "ENV")]
    pub cors_preflight: Option<String>,
    /// The User-Agent of deliveries [default: Gatehouse-Webhook-Service/2.0]
    #[arg(long, value_name = "TEXT")]
    pub webhook_user_agent: Option<String>,
    /// The header that carries a delivery's signature [default: X-WEBHOOK-SIGN]
    #[arg(long, value_name = "NAME")]
    pub webhook_sign_header: Option<String>,
    /// What publishing does with an event whose payload is not what its type's schema says: accept it, accept and count it, or
    /// refuse it [default: warn]
    #[arg(long, value_name = "off|warn|reject")]
    pub event_payloads: Option<String>,
    /// Connections from one address (a /64 of IPv6) to one listener; trusted proxies may have more [default: 1024]
    #[arg(long, value_name = "N")]
    pub connections_per_address: Option<String>,
    /// Requests a key may make in a burst, refilled over a minute; or off [default: 300]
    #[arg(long, value_name = "N|off")]
    pub rate_limit: Option<String>,
    /// A name whose values the log never stores, in addition to password, token, email and similar names
    ///
    /// Applies to headers, JSON fields, form fields and parameters whose names contain these words in a row: salary also
    /// hides annualSalary and x-salary.
    #[arg(long, value_name = "NAME")]
    pub redact_name: Vec<String>,
    /// A name whose values the log stores although it looks sensitive, such as contact-email
    ///
    /// Authorization, Cookie and the access secret itself are never stored.
    #[arg(long, value_name = "NAME")]
    pub keep_name: Vec<String>,
    /// How many days the log keeps requests, 1 to 3650; or off [default: 30]
    ///
    /// Whole days, in UTC. `gatehouse admin set-log-days` gives a company fewer.
    #[arg(long, value_name = "DAYS|off")]
    pub log_days: Option<String>,
    /// How many days the log keeps headers and bodies, at most log-days; or off to keep them as long as requests
    /// [default: 7]
    #[arg(long, value_name = "DAYS|off")]
    pub body_days: Option<String>,
    /// How much disk the log may use, at least 256MiB: the oldest requests make room for new ones [default: off]
    #[arg(long, value_name = "SIZE|off")]
    pub log_bytes: Option<String>,
    /// The header that carries the Client ID [default: X-Access-Client-Id]
    #[arg(long, value_name = "HEADER")]
    pub client_id_header: Option<String>,
    /// The header that carries a key's secret [default: X-Access-Secret]
    #[arg(long, value_name = "HEADER")]
    pub secret_header: Option<String>,
    /// The prefix of an environment's secrets, such as sandbox=sk_test_ [default: sandbox-, dev-, prod-].
    /// Repeat it to accept several: new keys use the first; the defaults are always accepted
    #[arg(long, value_name = "ENV=PREFIX")]
    pub key_prefix: Vec<String>,
    /// What to log: error, warn, info, debug, or per module [default: info]
    #[arg(long, value_name = "LEVELS")]
    pub log: Option<String>,
    /// Start with sample data, on loopback only; `--demo=empty` starts without it
    #[arg(long, value_name = "empty", num_args = 0..=1, require_equals = true, default_missing_value = "full")]
    pub demo: Option<String>,
    /// Settings file [default: gatehouse.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Leptos's own runtime options
    #[arg(long, value_name = "FILE", default_value = "Leptos.toml", hide = true)]
    pub leptos_config: PathBuf,
    #[command(flatten)]
    pub gateway: GatewayArgs,
}

/// The limits of the gateway, as text. A time is `500ms`, `4s`, `5m` or `1h`.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits of the gateway; a time is 500ms, 4s, 5m or 1h")]
pub struct GatewayArgs {
    /// How long a caller may take to begin TLS [default: 10s]
    #[arg(long, value_name = "TIME")]
    pub handshake_timeout: Option<String>,
    /// Requests at once over one HTTP/2 connection [default: 128]
    #[arg(long, value_name = "N")]
    pub http2_streams: Option<String>,
    /// How long a caller may take to send a request's head [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub head_timeout: Option<String>,
    /// How long a caller may pause while it sends a body [default: 20s]
    #[arg(long, value_name = "TIME")]
    pub body_idle: Option<String>,
    /// How long a caller may take to send a whole body [default: 5m]
    #[arg(long, value_name = "TIME")]
    pub body_timeout: Option<String>,
    /// How long connecting to an upstream may take, with TLS [default: 5s]
    #[arg(long, value_name = "TIME")]
    pub connect_timeout: Option<String>,
    /// How long an upstream may take to begin its response, counted from the last piece of the request [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub answer_timeout: Option<String>,
    /// How long an upstream may pause within a response, and a WebSocket may be silent [default: 1h]
    #[arg(long, value_name = "TIME")]
    pub stream_idle: Option<String>,
    /// How long an unused connection to an upstream is kept; must be shorter than the upstream keeps it [default: 4s]
    #[arg(long, value_name = "TIME")]
    pub upstream_idle: Option<String>,
    /// How long a caller may pause while it reads a response [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub write_idle: Option<String>,
    /// How long a request waits while its company has too many in flight [default: 2s]
    #[arg(long, value_name = "TIME")]
    pub queue_timeout: Option<String>,
    /// How long requests in flight may take to end when the server stops [default: 20s]
    #[arg(long, value_name = "TIME")]
    pub drain_timeout: Option<String>,
    /// Connections to the gateway at once [default: up to 65536, by the limit of open files]
    #[arg(long, value_name = "N")]
    pub gateway_connections: Option<String>,
    /// Requests to upstreams in flight at once; each company has its fair share [default: up to 2048, by the limit of open
    /// files]
    #[arg(long, value_name = "N")]
    pub gateway_requests: Option<String>,
    /// Size of a request's address and headers together [default: 64KiB]
    #[arg(long, value_name = "SIZE")]
    pub head_bytes: Option<String>,
    /// Size of a body sent to the public API; bodies for upstreams are limited by time only [default: 1MiB]
    #[arg(long, value_name = "SIZE")]
    pub public_api_body_bytes: Option<String>,
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
    /// Print one line of JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Settings file [default: gatehouse.toml, if it exists]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
}

/// When a rotation deletes the old key.
#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
pub struct PlanArgs {
    /// In this time, such as 1h, 24h or 7d
    #[arg(long, value_name = "TIME")]
    pub delete_in: Option<String>,
    /// At this moment, such as 2027-01-31T12:00:00Z; `none` to decide later
    #[arg(long, value_name = "TIME|none")]
    pub delete_at: Option<String>,
    /// After this time without a call with it, at least twice its longest pause in the last week; `auto` is exactly that
    #[arg(long, value_name = "TIME|auto")]
    pub delete_after_quiet: Option<String>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum AdminAction {
    /// Create a company, or a brand of one with --parent
    CreateCompany {
        #[arg(long)]
        name: String,
        #[arg(long, value_name = "CLIENT_ID")]
        parent: Option<String>,
    },
    /// Show a company, with how much belongs to it
    ShowCompany {
        #[arg(long)]
        client_id: String,
    },
    /// Delete a company: its members, keys, webhooks and its log. Its brands must be deleted before
    ///
    /// Its keys are refused on every node once the command returns. The audit trail stays, and the Client ID is never given
    /// out again. Without --yes, the command only says what it would delete.
    DeleteCompany {
        #[arg(long)]
        client_id: String,
        /// Delete; this cannot be undone
        #[arg(long)]
        yes: bool,
    },
    /// List all companies
    ListCompanies,
    /// Set how many days a company's log is kept; its brands follow. Where the server's log-days is fewer, that applies
    SetLogDays {
        #[arg(long)]
        client_id: String,
        /// 1 to 3650, or default: as long as the server keeps it
        #[arg(long, value_name = "DAYS|default")]
        days: String,
    },
    /// Erase every request of a company and its brands from the log, up to now. Later requests are logged again
    ///
    /// They are hidden at once on every node, and removed from the disk in the background; list-erasures shows how far that
    /// is. For a brand, only its own requests. Without --yes, the command only says what it would erase. The figures of what
    /// the log could not keep stay.
    EraseLog {
        #[arg(long)]
        client_id: String,
        /// Erase; this cannot be undone
        #[arg(long)]
        yes: bool,
    },
    /// List the erasures of the log, with what each has removed
    ListErasures,
    /// Show how much the log has stored, how far back it goes, and what of it cannot be read
    Status,
    /// Add a person to a company. The password is read from standard input; from a terminal it is generated and shown
    CreateMember {
        #[arg(long)]
        client_id: String,
        #[arg(long)]
        email: String,
        #[arg(long, help = model::Role::choices())]
        role: String,
        /// Generate a password and show it; standard input is ignored
        #[arg(long)]
        generate_password: bool,
    },
    /// List the members of a company
    ListMembers {
        #[arg(long)]
        client_id: String,
    },
    /// Show a member, with the company and the sessions
    ShowMember {
        #[arg(long)]
        member_id: String,
    },
    /// Remove a person from a company and end all their sessions; if it was their only company, their account is removed too
    #[command(visible_alias = "delete-member")]
    RemoveMember {
        #[arg(long)]
        member_id: String,
    },
    /// Set a person's password and end all their sessions. The password is read as for create-member
    SetPassword {
        #[arg(long)]
        email: String,
        /// Generate a password and show it; standard input is ignored
        #[arg(long)]
        generate_password: bool,
    },
    /// List sessions: all of them, those of a company's members, or one person's
    ListSessions {
        #[arg(long)]
        client_id: Option<String>,
        #[arg(long, conflicts_with = "client_id")]
        email: Option<String>,
    },
    /// End one session, or all of a person's with --email
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
        /// What the key is for, such as `Billing server`
        #[arg(long, default_value = "")]
        name: String,
    },
    /// List the active API keys of a company, without their secrets
    ListKeys {
        #[arg(long)]
        client_id: String,
    },
    /// Show an active API key, without its secret
    ShowKey {
        #[arg(long)]
        key_id: String,
    },
    /// Change an API key's name, end, networks, methods or request budget; once this returns, every node judges by them
    ChangeKey {
        #[arg(long)]
        key_id: String,
        /// What the key is for
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        note: Option<String>,
        /// From when it is refused, such as 2027-01-31T12:00:00Z; `none` takes the date away
        #[arg(long, value_name = "TIME|none")]
        expires_at: Option<String>,
        /// From when it is deleted; `none` takes the date away
        #[arg(long, value_name = "TIME|none")]
        delete_at: Option<String>,
        /// Whether only GET, HEAD and OPTIONS are accepted
        #[arg(long, value_name = "true|false")]
        read_only: Option<bool>,
        /// The networks that requests may come from, such as 192.0.2.0/24; repeat it for several, `any` for any address
        #[arg(long, value_name = "CIDR|any")]
        network: Vec<String>,
        /// Requests a minute of its own, below the server's --rate-limit; `none` for no own budget
        #[arg(long, value_name = "N|none")]
        requests_a_minute: Option<String>,
    },
    /// Replace an API key: make a second one with its name, note and limits, and show its secret
    ///
    /// The old key stays until its programs have moved over. It is deleted at the time you name, never before a request has
    /// used the new key; without a time, change-rotation deletes it. show-rotation says who still uses it.
    RotateKey {
        /// The key to be replaced
        #[arg(long)]
        key_id: String,
        #[command(flatten)]
        plan: PlanArgs,
    },
    /// Show a rotation: when both keys were last used, by whom, and what the deletion of the old one waits for
    ShowRotation {
        /// The old key or the new one
        #[arg(long)]
        key_id: String,
    },
    /// Change when a rotation deletes the old key, delete it now, or resume a rotation that was cancelled
    ChangeRotation {
        /// The old key or the new one
        #[arg(long)]
        key_id: String,
        #[command(flatten)]
        plan: PlanArgs,
        /// Go on with a cancelled rotation
        #[arg(long)]
        resume: bool,
        /// Delete the old key, if a request has used the new one
        #[arg(long, conflicts_with_all = ["resume", "delete_in", "delete_at", "delete_after_quiet"])]
        delete_now: bool,
    },
    /// Cancel a rotation: both keys stay, and nothing is deleted until it is resumed
    CancelRotation {
        /// The old key or the new one
        #[arg(long)]
        key_id: String,
    },
    /// Take over API keys of another system, so that their programs need no new ones
    ///
    /// Each line of the file is a JSON object: client_id, environment (sandbox, dev or prod), and either secret or sha256 (64
    /// hexadecimal digits) with last_four; name if you like, and company, the name with which a company is created whose
    /// client_id is not known yet. Secrets may have any form of 16 to 256 bytes, client ids of 1 to 256. Without --apply, the
    /// command only says what would become of each line. An environment that would have more than two keys gets none.
    /// A key of which only the digest is known works like any other, but cannot be shown and signs no webhooks.
    ImportKeys {
        /// One JSON object a line
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Import what can be imported
        #[arg(long)]
        apply: bool,
    },
    /// Delete an API key; once this returns, it is refused
    DeleteKey {
        #[arg(long)]
        key_id: String,
        /// The last four characters of its secret: required for the last key of an environment that had requests in the last
        /// 24 hours
        #[arg(long)]
        last_four: Option<String>,
    },
    /// Create a bearer token for the operator API and show it
    CreateOperatorToken {
        #[arg(long)]
        name: String,
        /// events, logs (these two by default), requests, companies, members, keys, event_types, deliveries, tokens
        ///
        /// events publishes events; logs lists the requests of any company; companies lists and creates companies; members
        /// lists, adds and removes members, sets passwords and ends sessions (so its holder can sign in as any of them);
        /// keys lists, creates and deletes keys; requests sends log entries of other gateways; event_types changes the catalogue;
        /// deliveries holds, resumes and cancels deliveries; tokens lists and revokes tokens. Only this command creates tokens: no
        /// token can extend its own scopes.
        #[arg(long)]
        scope: Vec<String>,
    },
    /// List operator tokens, without the tokens themselves
    ListOperatorTokens,
    /// Show an operator token, without the token itself
    ShowOperatorToken {
        #[arg(long)]
        token_id: String,
    },
    /// Copy the installation to a new directory, with or without a running server. On PostgreSQL use pg_dump
    ///
    /// The copy is consistent while the server is in use. The master key and the pepper are not copied; the command says
    /// where they are. Put them beside the copy to serve from it with --data-dir.
    Backup {
        /// A directory that is empty or does not exist yet
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Check a backup, or the data directory of a stopped server: open every database, every secret and every log row
    ///
    /// Changes nothing. The exit code is 1 if anything is wrong.
    Check {
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// The catalogue of event types: what may be published and subscribed to
    EventTypes {
        #[command(subcommand)]
        action: EventTypesAction,
    },
    /// A brake: hold, resume or cancel deliveries that wait
    Deliveries {
        #[command(subcommand)]
        action: DeliveriesAction,
    },
    /// Revoke an operator token; the next request with it is refused
    #[command(visible_alias = "delete-operator-token")]
    RevokeOperatorToken {
        #[arg(long)]
        token_id: String,
    },
}

/// `gatehouse admin event-types …`.
#[derive(Clone, Debug, Subcommand)]
pub enum EventTypesAction {
    /// List all event types; removed ones are marked
    List,
    /// Show an event type with its sample and JSON Schema
    Show {
        #[arg(value_name = "TYPE")]
        event_type: String,
    },
    /// Add the event types of a file, and change those that there are
    ///
    /// The file is {"event_types": [{"event_type", "group", "description", "sample", "schema"}, …]}, as
    /// GET /operator/v1/event-types returns it. sample and schema may be left out.
    Import {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Remove the event types that the file does not have
        #[arg(long)]
        replace: bool,
    },
    /// Add an event type, or change what is named; one that was removed is offered again
    Set {
        #[arg(value_name = "TYPE")]
        event_type: String,
        /// The heading that it is listed under
        #[arg(long)]
        group: Option<String>,
        /// When it is sent, in one sentence
        #[arg(long)]
        description: Option<String>,
        /// A file with the payload of a test event, a JSON object
        #[arg(long, value_name = "FILE")]
        sample: Option<PathBuf>,
        /// A file with the JSON Schema of payloads
        #[arg(long, value_name = "FILE", conflicts_with = "no_schema")]
        schema: Option<PathBuf>,
        /// Have no JSON Schema
        #[arg(long)]
        no_schema: bool,
    },
    /// Remove an event type: webhooks that subscribe to it keep it, and nothing new can use it
    Remove {
        #[arg(value_name = "TYPE")]
        event_type: String,
    },
}
