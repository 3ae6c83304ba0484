//! The way into a mailbox: a connection, TLS, signing in.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_imap::Client;
use async_imap::error::Error as Imap;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Settings;
use crate::error::{Error, Kind, Result};
use crate::pipeline::hub::Hub;
use crate::transport::keeper::Ended;
use crate::transport::mail_client::Protection;
use crate::transport::trust;

/// A connection, plain or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Stream for T {}

pub(super) type Signed = async_imap::Session<Box<dyn Stream>>;

/// Who connects where.
pub(super) struct Door<'s> {
    /// Has the password.
    pub(super) hub: &'s Hub,
    /// The mailbox among channels, which is the name of its password as well.
    pub(super) channel: &'s str,
    pub(super) settings: &'s Settings,
}

impl Door<'_> {
    /// How long one command may take.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_millis(self.settings.timeout_ms)
    }

    /// One command, bounded in time.
    pub(super) async fn bounded<T>(
        &self,
        what: &str,
        doing: impl Future<Output = std::result::Result<T, Imap>>,
    ) -> std::result::Result<T, Ended> {
        match timeout(self.patience(), doing).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(Ended::broken(format!("{what}: {error}"))),
            Err(_) => Err(Ended::broken(format!("{what}: no answer in time"))),
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>> {
        let settings = self.settings;
        let implicit = settings.protection == Protection::Implicit;
        let port = match settings.port {
            0 if implicit => 993,
            0 => 143,
            port => port,
        };
        let at = || format!("connect to {}:{port}", settings.host);
        let failed = |error: std::io::Error| Error::new(Kind::Transport, at()).caused_by(error).temporary();
        let stream = timeout(self.patience(), TcpStream::connect((settings.host.as_str(), port))).await;
        let late = |_| Error::new(Kind::Transport, format!("{}: no answer in time", at())).temporary();
        let stream = stream.map_err(late)?.map_err(failed)?;
        if implicit { self.encrypt(Box::new(stream)).await } else { Ok(Box::new(stream)) }
    }

    async fn encrypt(&self, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>> {
        let host = &self.settings.host;
        let failed = || Error::new(Kind::Transport, format!("set up TLS with {host}"));
        let config = trust::client_config(&self.settings.roots)?;
        let server = ServerName::try_from(host.clone()).map_err(|error| failed().caused_by(error))?;
        let connecting = TlsConnector::from(Arc::new(config)).connect(server, stream);
        let late = |_| Error::new(Kind::Transport, format!("set up TLS with {host}: no answer in time")).temporary();
        let stream = timeout(self.patience(), connecting).await.map_err(late)?;
        Ok(Box::new(stream.map_err(|error| failed().caused_by(error).temporary())?))
    }

    /// A connection on which we are signed in.
    pub(super) async fn sign_in(&self) -> std::result::Result<Signed, Ended> {
        let certain = |error: Error| Ended::Failed { certain: !error.is_temporary(), cause: error.to_string() };
        let password = self.hub.secret(self.channel).map_err(certain)?;
        let mut client = Client::new(self.connect().await.map_err(certain)?);
        let greeting = timeout(self.patience(), client.read_response()).await;
        if !matches!(greeting, Ok(Ok(Some(_)))) {
            return Err(Ended::broken("the server does not greet"));
        }
        if self.settings.protection == Protection::Starttls {
            let asked = timeout(self.patience(), client.run_command_and_check_ok("STARTTLS", None)).await;
            match asked {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Ended::certain(format!("ask for TLS: {error}"))),
                Err(_) => return Err(Ended::broken("ask for TLS: no answer in time")),
            }
            // What came in before is thrown away with the client (RFC 3501 section 6.2.1).
            client = Client::new(self.encrypt(client.into_inner()).await.map_err(certain)?);
        }
        let password = password.unwrap_or_default();
        match timeout(self.patience(), client.login(&self.settings.user, password.expose())).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err((Imap::No(said), _))) => Err(Ended::certain(format!("sign in as {}: {said}", self.settings.user))),
            Ok(Err((error, _))) => Err(Ended::broken(format!("sign in as {}: {error}", self.settings.user))),
            Err(_) => Err(Ended::broken("sign in: no answer in time")),
        }
    }

    /// Whether we can sign in and open the folder.
    pub(super) async fn probe(&self) -> std::result::Result<(), String> {
        let folder = &self.settings.folder;
        let tried = async {
            let mut session = self.sign_in().await?;
            self.bounded(&format!("open the folder {folder}"), session.examine(folder)).await?;
            self.bounded("sign out", session.logout()).await
        };
        match tried.await {
            Ok(()) => Ok(()),
            Err(Ended::Failed { cause, .. }) => Err(cause),
            Err(Ended::Stopped) => Err("stopped".to_owned()),
        }
    }
}
