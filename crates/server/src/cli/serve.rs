use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use dauphin_engine::Backend;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::arguments::{ListenArguments, ServeArguments};
use super::cluster::arguments::Stored;
use super::{cluster, data};
use crate::http::{App, ServeOptions, Server, serve};
use crate::memory;

pub fn run(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    let (listen, state_bytes_max) = (&arguments.listen, arguments.memory.state_bytes_max());
    let place = arguments.store.place();
    let kept = match place {
        Stored::Directory(path) => format!("data={}", path.display()),
        Stored::Cluster(brokers) => {
            format!("store=kafka {} session_timeout={}s", brokers.shown(), arguments.session_timeout)
        }
    };
    tracing::info!(
        "settings: {kept} listen={} tls={} body_limit={} bytes memory_of_users={} MiB",
        listen.listen,
        listen.tls_cert.is_some(),
        listen.body_limit.0,
        state_bytes_max >> 20
    );
    let engine: Arc<dyn Backend> = match place {
        Stored::Directory(path) => Arc::new(data::open(path, state_bytes_max)?),
        Stored::Cluster(brokers) => {
            cluster::open(brokers, Duration::from_secs(arguments.session_timeout.into()), state_bytes_max)?
        }
    };
    let stats = engine.stats();
    tracing::info!("{} profiles in {} workspaces", stats.profile_count, engine.catalog().workspaces().len());
    run_server(&engine, listen, |url| {
        eprintln!("listening on {url}");
        Ok(())
    })
}

/// Serves until SIGTERM or Ctrl-C, then drains and closes. `ready` hears the URL once requests are answered.
pub fn run_server(
    engine: &Arc<dyn Backend>,
    listen: &ListenArguments,
    ready: impl FnOnce(&str) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let tls = listen.tls_cert.clone().zip(listen.tls_key.clone());
    let options = ServeOptions { listen: listen.listen.clone(), metrics_listen: listen.metrics_listen.clone(), tls };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let served = runtime.block_on(async {
        let server = Server::bind(&options).await?;
        let (stop, stopped) = watch::channel(false);
        let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            tracing::info!("stopping");
            // Nobody listens: the server has ended already.
            let _ = stop.send(true);
        });
        if let Some(url) = &server.metrics_url {
            eprintln!("metrics on {url}");
        }
        ready(&server.url)?;
        tokio::select! {
            served = serve(server, App::new(Arc::clone(engine), listen.body_limit.0), stopped) => served,
            () = memory::watch(&**engine) => Ok(()),
        }
    });
    drop(runtime);
    engine.close().context("close the store")?;
    served?;
    Ok(ExitCode::SUCCESS)
}
