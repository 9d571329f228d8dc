//! `holm-server`: the reference server as a program. Its configuration is in the environment, see `Config`.

use std::process::ExitCode;

use holm_server::{Config, Rules, serve};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("holm-server: {sentence}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    if let Some(argument) = std::env::args().nth(1) {
        return Err(format!("it takes no arguments ({argument}); see HOLM_PORT, HOLM_DATA, HOLM_TOKEN and HOLM_WWW."));
    }
    let config = Config::read(|name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("Cannot start threads: {error}."))?;
    let ended = runtime.block_on(serve(config, Rules::default()));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ended
}
