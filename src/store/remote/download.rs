//! A file that somebody else has named: fetched as a whole, with limits, into a file of ours.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use object_store::ObjectStoreExt;
use reqwest::{Response, StatusCode, Url, header};

use super::address_policy::{AddressPolicy, private_of};
use super::connect::connect;
use super::fault::of_store;
use super::runtime;
use crate::store::FileError;
use crate::store::location::{Location, is_web};

/// Longest time without a byte.
const SILENCE: Duration = Duration::from_secs(30);
/// Time between two looks whether it is still wanted.
const TICK: Duration = Duration::from_millis(100);
/// Most redirects.
const REDIRECTS: usize = 5;

/// Why a file is not fetched. No text holds more of an address than its host.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The address is none, or its host is refused.
    #[error("{0}")]
    Refused(String),
    /// The server cannot be reached, or ends the connection.
    #[error("{host}: it cannot be reached, or the connection broke: {problem}")]
    Connection {
        /// The host.
        host: String,
        /// What the connection says.
        problem: String,
    },
    /// The server does not answer.
    #[error("{host}: no answer for {} s", SILENCE.as_secs())]
    Silent {
        /// The host.
        host: String,
    },
    /// The server refuses.
    #[error("{host}: the server answers {status}")]
    Status {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The store of an address refuses.
    #[error("{address}: {source}")]
    Store {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It is too large.
    #[error("{host}: the file has more than {most} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit.
        most: u64,
    },
    /// The file of ours cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not wanted any more.
    #[error("it is not wanted any more")]
    Stopped,
}

/// What a fetch is bounded by.
pub struct Bounds<'a> {
    /// Which hosts may be asked.
    pub addresses: &'a AddressPolicy,
    /// Most bytes.
    pub max_bytes: u64,
    /// Whether it is still wanted.
    pub goes_on: &'a (dyn Fn() -> bool + Sync),
}

/// Fetches what lies at an address (`https`, `http`, or one of object storage) to a new file. Returns its bytes. Holds the calling thread,
/// which must not be one of an asynchronous runtime.
///
/// # Errors
/// [`DownloadError`]; what was written is left there.
pub fn download(address: &str, to: &Path, bounds: &Bounds<'_>) -> Result<u64, DownloadError> {
    let handle = runtime::handle()
        .map_err(|e| DownloadError::Connection { host: "this machine".into(), problem: e.to_string() })?;
    let mut file = File::create_new(to).map_err(FileError::on::<DownloadError>("create", to))?;
    let mut sink = Sink { to, file: &mut file, host: String::new(), written: 0, most: bounds.max_bytes };
    match is_web(address) {
        true => handle.block_on(of_web(address, bounds, &mut sink))?,
        false => handle.block_on(of_store_at(address, bounds, &mut sink))?,
    }
    Ok(sink.written)
}

struct Sink<'a> {
    to: &'a Path,
    file: &'a mut File,
    host: String,
    written: u64,
    most: u64,
}

impl Sink<'_> {
    fn expect(&self, length: u64) -> Result<(), DownloadError> {
        match length > self.most {
            true => Err(DownloadError::TooLarge { host: self.host.clone(), most: self.most }),
            false => Ok(()),
        }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), DownloadError> {
        self.written += chunk.len() as u64;
        self.expect(self.written)?;
        self.file.write_all(chunk).map_err(FileError::on::<DownloadError>("write", self.to))
    }
}

/// Waits for a future while it is wanted and not silent.
async fn wanted<F: Future>(future: F, host: &str, bounds: &Bounds<'_>) -> Result<F::Output, DownloadError> {
    let (mut future, began) = (pin!(future), Instant::now());
    loop {
        match tokio::time::timeout(TICK, future.as_mut()).await {
            Ok(output) => return Ok(output),
            Err(_) if !(bounds.goes_on)() => return Err(DownloadError::Stopped),
            Err(_) if began.elapsed() > SILENCE => return Err(DownloadError::Silent { host: host.into() }),
            Err(_) => {}
        }
    }
}

async fn of_web(address: &str, bounds: &Bounds<'_>, sink: &mut Sink<'_>) -> Result<(), DownloadError> {
    let client = bounds
        .addresses
        .client(None)
        .map_err(|e| DownloadError::Connection { host: "this machine".into(), problem: e.to_string() })?;
    let mut response = answer(&client, address, bounds, sink).await?;
    let declared = response.content_length();
    sink.expect(declared.unwrap_or_default())?;
    let broken = |host: &str, problem: String| DownloadError::Connection { host: host.into(), problem };
    loop {
        let chunk = wanted(response.chunk(), &sink.host, bounds).await?;
        match chunk.map_err(|e| broken(&sink.host, e.without_url().to_string()))? {
            Some(chunk) => sink.take(&chunk)?,
            None => break,
        }
    }
    match declared.is_some_and(|length| length != sink.written) {
        true => Err(broken(&sink.host, "the file is shorter than its server said".into())),
        false => Ok(()),
    }
}

/// The answer with the file, after redirects, each of which is checked.
async fn answer(
    client: &reqwest::Client,
    address: &str,
    bounds: &Bounds<'_>,
    sink: &mut Sink<'_>,
) -> Result<Response, DownloadError> {
    let mut url = bounds.addresses.check(address).map_err(DownloadError::Refused)?;
    for _ in 0..=REDIRECTS {
        sink.host = host_of(&url);
        let sent = wanted(client.get(url.clone()).send(), &sink.host, bounds).await?;
        let response = sent.map_err(|e| match private_of(&e) {
            Some(private) => DownloadError::Refused(private.to_string()),
            None if e.is_timeout() => DownloadError::Silent { host: sink.host.clone() },
            None => DownloadError::Connection { host: sink.host.clone(), problem: cause(&e) },
        })?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response);
        }
        let next = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        match next.filter(|_| status.is_redirection()).map(|next| url.join(next)) {
            Some(Ok(next)) => url = bounds.addresses.check(next.as_str()).map_err(DownloadError::Refused)?,
            _ => return Err(DownloadError::Status { host: sink.host.clone(), status: status.as_u16() }),
        }
    }
    Err(DownloadError::Refused(format!("{}: more than {REDIRECTS} redirects", sink.host)))
}

/// The innermost cause: the others repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause.and_then(std::error::Error::source) {
        cause = Some(next);
    }
    cause.map_or_else(|| "no reason is known".into(), ToString::to_string)
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_string()
}

async fn of_store_at(address: &str, bounds: &Bounds<'_>, sink: &mut Sink<'_>) -> Result<(), DownloadError> {
    let at = match Location::parse(Path::new(address)) {
        Ok(Location::Address(at)) if !at.is_web() => at,
        Ok(_) => return Err(DownloadError::Refused("this is no address of object storage".into())),
        Err(e) => return Err(DownloadError::Refused(e.to_string())),
    };
    sink.host = at.to_string();
    let failed = |source| DownloadError::Store { address: at.to_string(), source };
    let place = connect(&at).map_err(failed)?;
    let got = wanted(place.store.get(&place.key), &sink.host, bounds).await?;
    let got = got.map_err(|e| failed(of_store(e)))?;
    sink.expect(got.meta.size)?;
    let mut stream = got.into_stream();
    while let Some(chunk) = wanted(stream.next(), &sink.host, bounds).await? {
        sink.take(&chunk.map_err(|e| failed(of_store(e)))?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Answers each connection once, with these texts in turn. Returns the port.
    fn answering(answers: Vec<String>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for (stream, answer) in listener.incoming().flatten().zip(answers) {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                TcpStream::write_all(reader.get_mut(), answer.as_bytes()).unwrap();
            }
        });
        port
    }

    fn fetched(
        answers: &[&str],
        addresses: &AddressPolicy,
        max_bytes: u64,
        goes_on: bool,
    ) -> Result<Vec<u8>, DownloadError> {
        let dir = tempfile::tempdir().unwrap();
        let port = answering(answers.iter().map(ToString::to_string).collect());
        let bounds = Bounds { addresses, max_bytes, goes_on: &|| goes_on };
        let to = dir.path().join("file");
        download(&format!("HTTP://127.0.0.1:{port}/a?token=secret"), &to, &bounds)?;
        Ok(std::fs::read(to).unwrap())
    }

    const WHOLE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    const MOVED: &str =
        "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

    #[test]
    fn a_file_is_fetched_whole_or_not() {
        assert_eq!(fetched(&[MOVED, WHOLE], &AddressPolicy::All, 5, true).unwrap(), b"hello");
        let short = WHOLE.replace("hello", "hell");
        let refused = |answers: &[&str], most, goes_on| {
            fetched(answers, &AddressPolicy::All, most, goes_on).unwrap_err()
        };
        assert!(matches!(refused(&[&short], 5, true), DownloadError::Connection { .. }));
        assert!(matches!(refused(&[WHOLE], 4, true), DownloadError::TooLarge { .. }));
        let endless = WHOLE.replace("Content-Length: 5\r\n", "");
        assert!(matches!(refused(&[&endless], 4, true), DownloadError::TooLarge { .. }));
        assert!(matches!(
            refused(&[&WHOLE.replace("200 OK", "404 No")], 5, true),
            DownloadError::Status { status: 404, .. }
        ));
        assert!(matches!(
            refused(&[&WHOLE[..40]], 5, false),
            DownloadError::Stopped | DownloadError::Connection { .. }
        ));
        let round = refused(&[MOVED; 7], 5, true).to_string();
        assert!(round.contains("redirects") && !round.contains("secret"), "{round}");
    }

    #[test]
    fn a_redirect_to_a_private_address_is_refused() {
        let port = answering(vec![
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n".into(),
        ]);
        let addresses = AddressPolicy::Public("ask the operator".into());
        let bounds = Bounds { addresses: &addresses, max_bytes: 5, goes_on: &|| true };
        let dir = tempfile::tempdir().unwrap();
        let (path, mut file) = (dir.path().join("file"), tempfile::tempfile().unwrap());
        let mut sink = Sink { to: &path, file: &mut file, host: String::new(), written: 0, most: 5 };
        // This client reaches the first server, as if that were public.
        let client = AddressPolicy::All.client(None).unwrap();
        let address = format!("http://localhost:{port}/");
        let answered = runtime::handle().unwrap().block_on(answer(&client, &address, &bounds, &mut sink));
        assert!(matches!(answered, Err(DownloadError::Refused(text)) if text.contains("ask the operator")));
    }
}
