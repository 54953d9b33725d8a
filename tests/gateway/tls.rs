//! TLS on the shared accept loop: handshakes do not wait for each other, and the certificate can be swapped.

use crate::http::{Listener, read_all};
use axum::Router;
use axum::routing::get;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use zhengming::http::Limits;

/// A server's configuration with a fresh certificate, and a client's that trusts it alone.
fn pair() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["gateway.example".to_string()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

/// The response to a GET over TLS, or why there is none.
fn get_over_tls(listener: &Listener, client: &Arc<ClientConfig>) -> std::io::Result<String> {
    let name = ServerName::try_from("gateway.example").unwrap();
    let connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut stream = StreamOwned::new(connection, listener.connect());
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn handshakes_do_not_wait_for_each_other_and_certificates_are_swapped() {
    let (first, trusts_first) = pair();
    let (second, trusts_second) = pair();
    let (swap, tls) = watch::channel(first);
    let router = Router::new().route("/", get(|| async { "hello" }));
    let limits = Limits { handshake: Duration::from_millis(500), ..Limits::default() };
    let listener = Listener::start(router, limits, Some(tls));
    let mut half_open: Vec<_> = (0..8).map(|_| listener.connect()).collect();
    assert!(get_over_tls(&listener, &trusts_first).unwrap().ends_with("hello"));
    swap.send_replace(second);
    assert!(get_over_tls(&listener, &trusts_first).is_err());
    assert!(get_over_tls(&listener, &trusts_second).unwrap().ends_with("hello"));
    // What never says hello is cut off.
    half_open.iter_mut().for_each(|stream| assert!(read_all(stream).is_empty()));
    // Plain HTTP on this port is no request.
    let mut plain = listener.connect();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(!read_all(&mut plain).starts_with(b"HTTP"));
}
