//! TLS to a PostgreSQL server, with the hub's own client settings (rustls); certificates are always checked.
//!
//! A server on this machine (a Unix socket, loopback) is spoken to in the clear unless its URL says `sslmode=require`;
//! every other only over TLS unless it says `sslmode=disable`. Channel binding is left out.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Config, Socket};
use tokio_rustls::TlsConnector;

use crate::error::{Error, Result};

/// Sets what the host asks for; gives the settings back if TLS is to be used.
pub(super) fn choose(config: &mut Config, tls: Option<&Arc<ClientConfig>>) -> Result<Option<MakeTls>> {
    let near = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    });
    match config.get_ssl_mode() {
        SslMode::Disable => return Ok(None),
        SslMode::Prefer if near => {
            config.ssl_mode(SslMode::Disable);
            return Ok(None);
        }
        _ => config.ssl_mode(SslMode::Require),
    };
    let tls = tls.ok_or_else(|| Error::bug("a database server elsewhere, and nobody said whose certificates hold"))?;
    Ok(Some(MakeTls(Arc::clone(tls))))
}

/// Makes the TLS side of connections.
#[derive(Clone)]
pub(super) struct MakeTls(Arc<ClientConfig>);

/// The TLS side of one connection.
pub(super) struct Connect {
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// A connection under TLS.
pub(super) struct Stream(tokio_rustls::client::TlsStream<Socket>);

impl MakeTlsConnect<Socket> for MakeTls {
    type Stream = Stream;
    type TlsConnect = Connect;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Connect, InvalidDnsNameError> {
        let name = ServerName::try_from(domain.to_owned())?;
        Ok(Connect { connector: TlsConnector::from(Arc::clone(&self.0)), name })
    }
}

impl TlsConnect<Socket> for Connect {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, socket).await.map(Stream) })
    }
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use rustls::RootCertStore;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn provider() -> Arc<rustls::crypto::CryptoProvider> {
        Arc::new(rustls::crypto::ring::default_provider())
    }

    fn believes(roots: RootCertStore) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    #[test]
    fn the_host_decides_whether_there_is_tls() {
        let check = |url: &str, expected: Option<SslMode>| {
            let mut config = Config::from_str(url).unwrap();
            let chosen = choose(&mut config, Some(&believes(RootCertStore::empty()))).unwrap();
            assert_eq!(chosen.map(|_| config.get_ssl_mode()), expected, "{url}");
        };
        check("postgresql://a@127.0.0.1/d", None);
        check("postgresql://a@localhost/d", None);
        check("postgresql://a@%2Frun%2Fpostgresql/d", None);
        check("postgresql://a@127.0.0.1/d?sslmode=require", Some(SslMode::Require));
        check("postgresql://a@db.example/d", Some(SslMode::Require));
        check("postgresql://a@192.0.2.1/d?sslmode=prefer", Some(SslMode::Require));
        check("postgresql://a@db.example/d?sslmode=disable", None);
        assert!(choose(&mut Config::from_str("postgresql://a@db.example/d").unwrap(), None).is_err());
    }

    /// A server that answers the request for TLS, shakes hands and reads one start-up message; what that says.
    async fn serve(listener: TcpListener, identity: rcgen::CertifiedKey<rcgen::KeyPair>) -> Option<String> {
        let key = PrivateKeyDer::try_from(identity.signing_key.serialize_der()).unwrap();
        let builder = rustls::ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config =
            builder.unwrap().with_no_client_auth().with_single_cert(vec![identity.cert.der().clone()], key).unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        socket.read_exact(&mut request).await.unwrap();
        // SSLRequest: length 8, code 80877103 (PostgreSQL, message formats).
        assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
        socket.write_all(b"S").await.unwrap();
        let mut stream = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(socket).await.ok()?;
        let mut message = vec![0; 512];
        let length = stream.read(&mut message).await.unwrap();
        Some(String::from_utf8_lossy(&message[..length]).into_owned())
    }

    async fn meet(trusted: bool) -> (Option<String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let identity = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        if trusted {
            roots.add(identity.cert.der().clone()).unwrap();
        }
        let mut config = Config::from_str(&format!("postgresql://anna@127.0.0.1:{port}/d?sslmode=require")).unwrap();
        let tls = choose(&mut config, Some(&believes(roots))).unwrap().unwrap();
        let (served, connected) = tokio::join!(serve(listener, identity), config.connect(tls));
        (served, connected.map(|_| ()).unwrap_err().to_string())
    }

    #[tokio::test]
    async fn the_name_of_the_user_travels_under_tls_to_a_server_we_believe() {
        let (said, _) = meet(true).await;
        assert!(said.unwrap().contains("user\0anna\0"));
    }

    #[tokio::test]
    async fn a_server_we_do_not_believe_learns_nothing() {
        let (said, error) = meet(false).await;
        assert_eq!((said, error.as_str()), (None, "error performing TLS handshake"));
    }
}
