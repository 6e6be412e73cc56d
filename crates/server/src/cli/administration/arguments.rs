use clap::{Args, Subcommand};
use dauphin_model::Zone;

use super::super::arguments::{NewApp, TargetArguments, parse_app, parse_name, parse_zone};

#[derive(Args)]
pub struct WorkspaceArguments {
    #[command(subcommand)]
    pub command: WorkspaceCommand,
}

#[derive(Subcommand)]
pub enum WorkspaceCommand {
    /// Show every workspace with its settings
    List(ListArguments),
    /// Make a workspace and its first key, shown this once
    Add {
        #[command(flatten)]
        target: TargetArguments,
        /// Name of the new workspace
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,
        /// IANA time zone in which days are cut; fixed once there is data
        #[arg(long, env = "DAUPHIN_ZONE", value_name = "IANA", default_value = "UTC", value_parser = parse_zone)]
        zone: Zone,
    },
    /// Change settings
    Set {
        #[command(flatten)]
        target: TargetArguments,
        /// `activity=any` or `activity=EVENT` (may be repeated), `zone=IANA` while there is no data,
        /// `rate_limit_per_hour=N`, `ingest_limit_per_hour=N` or `=off`, `api_key_in_query=true` or `=false`
        #[arg(value_name = "SETTING=VALUE", required = true, value_parser = parse_setting)]
        settings: Vec<(String, String)>,
    },
}

#[derive(Args)]
pub struct AppArguments {
    #[command(subcommand)]
    pub command: AppCommand,
}

#[derive(Subcommand)]
pub enum AppCommand {
    /// Show the apps
    List(ListArguments),
    /// Make an app; its write key is shown this once
    Add {
        #[command(flatten)]
        target: TargetArguments,
        /// Its name, and its API identifier if you have one already
        #[arg(value_name = "NAME[=IDENTIFIER]", value_parser = parse_app)]
        new: NewApp,
    },
    /// Give an app another name
    Rename {
        #[command(flatten)]
        target: TargetArguments,
        /// Its API identifier
        #[arg(value_name = "IDENTIFIER")]
        identifier: String,
        /// What people call it from now on
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,
    },
    /// Give an app another write key, shown this once; the one before opens nothing
    Rotate {
        #[command(flatten)]
        target: TargetArguments,
        /// Its API identifier
        #[arg(value_name = "IDENTIFIER")]
        identifier: String,
    },
}

#[derive(Args)]
pub struct KeyArguments {
    #[command(subcommand)]
    pub command: KeyCommand,
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Show the keys, without the keys themselves
    List(ListArguments),
    /// Make a key, shown this once
    Add {
        #[command(flatten)]
        target: TargetArguments,
        /// Its name
        #[arg(value_name = "NAME", value_parser = parse_name)]
        name: String,
        /// What it may do, such as `kpi.dau.data_series`; `*` is everything; may be repeated
        #[arg(long, env = "DAUPHIN_PERMISSION", value_name = "PERMISSION", required = true, value_delimiter = ',')]
        permission: Vec<String>,
        /// An address or subnet it may come from; default: any; may be repeated
        #[arg(long, env = "DAUPHIN_ALLOWED_ADDRESS", value_name = "ADDRESS|SUBNET", value_delimiter = ',')]
        allowed_address: Vec<String>,
    },
    /// Make a key open nothing, at once
    Revoke {
        #[command(flatten)]
        target: TargetArguments,
        /// Its name
        #[arg(value_name = "NAME", required_unless_present = "number", conflicts_with = "number")]
        name: Option<String>,
        /// Its number, as `key list` has it
        #[arg(long, env = "DAUPHIN_NUMBER", value_name = "N")]
        number: Option<u32>,
    },
}

#[derive(Args)]
pub struct ListArguments {
    #[command(flatten)]
    pub target: TargetArguments,
    /// One JSON object instead of a table
    #[arg(long, env = "DAUPHIN_JSON")]
    pub json: bool,
}

#[derive(Args)]
pub struct UserArguments {
    #[command(subcommand)]
    pub command: UserCommand,
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Say what is known of a person: how many profiles, whether counted, which active days
    Show(IdentityArguments),
    /// Forget a person: every profile, every active day
    Erase(IdentityArguments),
    /// Count a person nowhere, the past included
    Exclude(IdentityArguments),
    /// Count a person again
    Include(IdentityArguments),
    /// Two profiles are one person
    Link(IdentityArguments),
    /// A profile is a person of its own
    Unlink(IdentityArguments),
}

/// Somebody, by one thing they are known by; two of them for a link.
#[derive(Args)]
pub struct IdentityArguments {
    #[command(flatten)]
    pub target: TargetArguments,
    /// Your own user id
    #[arg(long, env = "DAUPHIN_EXTERNAL_ID", value_name = "ID", hide_env_values = true)]
    pub external_id: Vec<String>,
    /// A user alias
    #[arg(long, env = "DAUPHIN_ALIAS", value_name = "LABEL:NAME", hide_env_values = true, value_parser = parse_alias)]
    pub alias: Vec<(String, String)>,
    /// The id that Braze gave the user
    #[arg(long, env = "DAUPHIN_BRAZE_ID", value_name = "ID", hide_env_values = true)]
    pub braze_id: Vec<String>,
    /// An email address
    #[arg(long, env = "DAUPHIN_EMAIL", value_name = "ADDRESS", hide_env_values = true)]
    pub email: Vec<String>,
    /// A phone number
    #[arg(long, env = "DAUPHIN_PHONE", value_name = "NUMBER", hide_env_values = true)]
    pub phone: Vec<String>,
    /// A device of a Braze SDK
    #[arg(long, env = "DAUPHIN_DEVICE_ID", value_name = "ID", hide_env_values = true)]
    pub device_id: Vec<String>,
    /// A visitor of a Segment SDK
    #[arg(long, env = "DAUPHIN_ANONYMOUS_ID", value_name = "ID", hide_env_values = true)]
    pub anonymous_id: Vec<String>,
}

#[derive(Args)]
pub struct AuditArguments {
    #[command(flatten)]
    pub list: ListArguments,
    /// Number of entries, 1 to 100, the newest first
    #[arg(long, env = "DAUPHIN_LENGTH", value_name = "N", default_value = "100")]
    pub length: String,
    /// Only entries before the one with this number
    #[arg(long, env = "DAUPHIN_BEFORE", value_name = "SEQUENCE")]
    pub before: Option<u64>,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "a setting is written `SETTING=VALUE`".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

fn parse_alias(text: &str) -> Result<(String, String), String> {
    let (label, name) = text.split_once(':').ok_or_else(|| "an alias is written `LABEL:NAME`".to_owned())?;
    Ok((label.to_owned(), name.to_owned()))
}
