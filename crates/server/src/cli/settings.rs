use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Command, CommandFactory};
use toml::{Table, Value};

use super::arguments::Arguments;

/// The command line with the values of `dauphin.toml` as defaults: a flag wins over the environment, that over the file.
///
/// The file is the one that `DAUPHIN_CONFIG` names, else `dauphin.toml` in the working directory if there is one.
pub fn command() -> anyhow::Result<Command> {
    let named = std::env::var_os("DAUPHIN_CONFIG").map(PathBuf::from);
    let path = named.clone().unwrap_or_else(|| "dauphin.toml".into());
    if named.is_none() && !path.exists() {
        return Ok(Arguments::command());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("read the settings `{}`", path.display()))?;
    let command = with_defaults(Arguments::command(), &text, &path)?;
    tracing::info!("settings from `{}`", path.display());
    Ok(command)
}

fn with_defaults(command: Command, text: &str, path: &Path) -> anyhow::Result<Command> {
    let context = || format!("read the settings `{}`", path.display());
    let table: Table = text.parse().with_context(context)?;
    let known: BTreeSet<String> = command.get_subcommands().flat_map(all_setting_names).collect();
    let mut values = Vec::new();
    for (name, value) in table {
        if !known.contains(&name) {
            let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            bail!("the settings `{}` have an unknown key `{name}`; known are {known}", path.display());
        }
        values.push((name.clone(), texts_of(&name, value).with_context(context)?));
    }
    Ok(command.mut_subcommands(move |subcommand| with_values(subcommand, &values)))
}

/// A command, and those below it, with defaults for the flags that they have.
fn with_values(command: Command, values: &[(String, Vec<String>)]) -> Command {
    let command = values.iter().fold(command, |command, (name, texts)| {
        if !setting_names(&command).any(|known| known == *name) {
            return command;
        }
        let texts: Vec<clap::builder::OsStr> = texts.iter().map(|text| text.clone().into()).collect();
        let id = name.clone();
        command.mut_arg(id, |arg| arg.default_values(texts).required(false))
    });
    command.mut_subcommands(|subcommand| with_values(subcommand, values))
}

/// The settings of a command, and of those below it.
fn all_setting_names(command: &Command) -> Vec<String> {
    setting_names(command).chain(command.get_subcommands().flat_map(all_setting_names)).collect()
}

/// Every flag that a file may set; positional arguments are not settings.
fn setting_names(command: &Command) -> impl Iterator<Item = String> {
    let flags = command.get_arguments().filter(|arg| arg.get_long().is_some() && arg.get_env().is_some());
    flags.map(|arg| arg.get_id().to_string())
}

fn texts_of(name: &str, value: Value) -> anyhow::Result<Vec<String>> {
    Ok(match value {
        Value::String(text) => vec![text],
        Value::Integer(number) => vec![number.to_string()],
        Value::Boolean(truth) => vec![truth.to_string()],
        Value::Array(values) => {
            let mut texts = Vec::new();
            for value in values {
                texts.extend(texts_of(name, value)?);
            }
            texts
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => {
            bail!("the key `{name}` must be a text, a whole number, true, false, or a list of these")
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::super::arguments::Command as Chosen;
    use super::*;

    fn parse(settings: &str, arguments: &[&str]) -> anyhow::Result<Arguments> {
        let command = with_defaults(Arguments::command(), settings, Path::new("dauphin.toml"))?;
        let matches = command.try_get_matches_from(arguments)?;
        Ok(Arguments::from_arg_matches(&matches)?)
    }

    #[test]
    fn a_file_gives_defaults_and_a_flag_wins() {
        let settings = "data = 'd'\nlisten = '127.0.0.1:1'\nbody_limit = '1MiB'\ncreate_apps = true\nmap = ['time=t']";
        let Chosen::Serve(serve) = parse(settings, &["dauphin", "serve"]).unwrap().command else { panic!() };
        assert_eq!(
            (serve.store.data.as_deref().and_then(Path::to_str), serve.listen.listen.as_str()),
            (Some("d"), "127.0.0.1:1")
        );
        let Chosen::Serve(serve) = parse(settings, &["dauphin", "serve", "--listen", "x:2"]).unwrap().command else {
            panic!()
        };
        assert_eq!(serve.listen.listen, "x:2");
        let Chosen::Import(import) = parse(settings, &["dauphin", "import", "f.csv"]).unwrap().command else {
            panic!()
        };
        assert!(import.create_apps);
        assert_eq!(import.map, ["time=t"]);
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let Err(error) = parse("lissen = 'x'", &["dauphin", "serve"]) else { panic!("taken") };
        assert!(error.to_string().contains("`lissen`"), "{error}");
        assert!(parse("listen = 1.5", &["dauphin", "serve"]).is_err());
        assert!(parse("listen = ", &["dauphin", "serve"]).is_err());
    }
}
