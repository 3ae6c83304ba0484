//! `dure serve`: the hub, until it is asked to stop.

use clap::Args;

use super::call::Call;
use super::control::Control;
use super::log;
use super::out::Outcome;
use crate::clock::Clock;
use crate::error::Result;
use crate::serve;

/// Run the hub
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dure serve\n  dure serve --config /etc/dure/dure.toml\n  DURE_LISTEN=0.0.0.0:7373 dure serve\n  \
    dure serve --print-config\n\n\
    DURE_… environment variables override the file: DURE_LISTEN, DURE_DATABASE, DURE_LIMITS__RECEIVE_BYTES. SIGTERM and \
    SIGINT stop it when what is under way is done; SIGHUP is not needed, changed certificates are taken up by themselves."
)]
pub struct Serve {
    /// Print the configuration in effect, secrets masked, and end
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    /// Runs it.
    pub async fn run(self, call: &Call) -> Result<Outcome> {
        let config = call.config()?;
        if self.print_config {
            if call.out.json {
                call.out.json(&config)?;
            } else {
                call.out.line(config.effective().trim_end())?;
            }
            return Ok(Outcome::Good);
        }
        log::start(&config.log)?;
        let data = config.data.clone();
        let secure = !config.tls.certificate.as_os_str().is_empty();
        let public_url = config.public_url.clone();
        let running = serve::start(config, Clock::System).await?;
        let scheme = if secure { "https" } else { "http" };
        let here = format!("{scheme}://{}", running.address());
        let _control = Control::listen(running.hub().clone(), &data, here.clone())?;
        if running.hub().directory().centre().is_none() {
            call.out.remark("this store has no centre yet: stop, and run `dure init DIR` first");
        }
        let url = if public_url.is_empty() { String::new() } else { format!(" ({public_url})") };
        call.out.line(format!("dure {} {here}{url}", env!("CARGO_PKG_VERSION")))?;
        running.wait().await?;
        Ok(Outcome::Good)
    }
}
