//! A store of objects on loopback that counts its requests and fails on demand: GET and HEAD with ranges and conditions, and as much of
//! the protocol of S3 as writing needs (PUT, DELETE, copies, uploads in parts, listings), with paths of the form /bucket/key.
//!
//! Signatures are not checked.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What goes wrong with one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// This status, and nothing is done.
    Status(u16),
    /// This status, after the request was carried out: its answer is lost.
    LostAnswer(u16),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The answer comes so much later.
    Slow(Duration),
    /// 200 with the whole object instead of a range of it.
    Whole,
    /// The range that begins a byte later.
    Shifted,
}

/// A request that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `GET`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The range that was asked for.
    pub range: Option<Range<usize>>,
    /// All header lines, in lower case up to the colon.
    pub headers: HashMap<String, String>,
}

/// Requests of the object whose path ends like this that touch the range wait; the number of those that do.
#[derive(Default)]
struct Held {
    what: Option<(String, Range<usize>)>,
    waiting: usize,
}

#[derive(Default)]
struct State {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    uploads: Mutex<HashMap<String, BTreeMap<u32, Vec<u8>>>>,
    faults: Mutex<VecDeque<Fault>>,
    seen: Mutex<Vec<Seen>>,
    /// Whether conditions on writes are answered as if nobody knew them: 501.
    unconditional: Mutex<bool>,
    /// How many reads of objects whose path ends like this are still refused: 403.
    unreadable: Mutex<(String, u32)>,
    /// The next write of an object whose path ends like this is carried out, and answered with this status.
    lost: Mutex<Option<(String, u16)>>,
    /// Whether every connection ends without an answer.
    is_down: Mutex<bool>,
    held: Mutex<Held>,
    released: Condvar,
}

/// The server. It serves until the process ends.
#[derive(Clone)]
pub struct ObjectServer {
    /// `127.0.0.1:PORT`.
    pub host: String,
    state: Arc<State>,
}

impl ObjectServer {
    /// Starts one on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let theirs = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&theirs);
                std::thread::spawn(move || while answer(&state, &stream).is_some() {});
            }
        });
        Self { host, state }
    }

    /// Puts an object at a path such as `bucket/key`, and returns its address by plain HTTP.
    pub fn put(&self, path: &str, bytes: &[u8]) -> String {
        self.state.objects.lock().unwrap().insert(path.into(), bytes.to_vec());
        format!("http://{}/{path}", self.host)
    }

    /// Removes an object.
    pub fn remove(&self, path: &str) {
        self.state.objects.lock().unwrap().remove(path);
    }

    /// An object.
    pub fn object(&self, path: &str) -> Option<Vec<u8>> {
        self.state.objects.lock().unwrap().get(path).cloned()
    }

    /// The paths of all objects.
    pub fn paths(&self) -> Vec<String> {
        self.state.objects.lock().unwrap().keys().cloned().collect()
    }

    /// How many uploads in parts have neither been completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.state.uploads.lock().unwrap().len()
    }

    /// The next requests fail like this, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.faults.lock().unwrap().extend(faults);
    }

    /// From now on a write with a condition is answered with 501.
    pub fn refuse_conditions(&self) {
        *self.state.unconditional.lock().unwrap() = true;
    }

    /// The next `reads` of objects whose path ends in `end` are answered with 403, once such an object is there.
    pub fn refuse_reads(&self, end: &str, reads: u32) {
        *self.state.unreadable.lock().unwrap() = (end.into(), reads);
    }

    /// The next write of an object whose path ends in `end` is carried out and answered with this status.
    pub fn lose_answer(&self, end: &str, status: u16) {
        *self.state.lost.lock().unwrap() = Some((end.into(), status));
    }

    /// Whether every connection ends without an answer from now on.
    pub fn set_down(&self, is_down: bool) {
        *self.state.is_down.lock().unwrap() = is_down;
    }

    /// Requests that touch this range of the object whose path ends in `end` wait for [`Self::release`].
    pub fn hold(&self, end: &str, range: Range<usize>) {
        self.state.held.lock().unwrap().what = Some((end.into(), range));
    }

    /// How many requests wait.
    pub fn held(&self) -> usize {
        self.state.held.lock().unwrap().waiting
    }

    /// Nothing waits any more.
    pub fn release(&self) {
        self.state.held.lock().unwrap().what = None;
        self.state.released.notify_all();
    }

    /// The requests since the last call.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.state.seen.lock().unwrap())
    }

    /// The variables by which a program finds its buckets, with this secret.
    pub fn environment(&self, secret: &str) -> [(String, String); 4] {
        let pair = |name: &str, value: String| (name.to_string(), value);
        [
            pair("AWS_ENDPOINT_URL", format!("http://{}", self.host)),
            pair("AWS_ACCESS_KEY_ID", "test".into()),
            pair("AWS_SECRET_ACCESS_KEY", secret.into()),
            pair("AWS_REGION", "us-east-1".into()),
        ]
    }
}

fn etag(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
    format!("\"{hash:016x}-{}\"", bytes.len())
}

fn wait_while_held(state: &State, request: &Seen) {
    let is_held = |held: &Option<(String, Range<usize>)>| {
        held.as_ref().is_some_and(|(end, range)| {
            let touches = |own: &Range<usize>| own.start < range.end && range.start < own.end;
            request.path.ends_with(&**end) && request.range.as_ref().is_none_or(touches)
        })
    };
    let mut held = state.held.lock().unwrap();
    if is_held(&held.what) {
        held.waiting += 1;
        held = state.released.wait_while(held, |held| is_held(&held.what)).unwrap();
        held.waiting -= 1;
    }
}

/// One request and its answer; `None` when the connection is over.
fn answer(state: &State, stream: &TcpStream) -> Option<()> {
    let (request, body) = read_request(stream)?;
    if *state.is_down.lock().unwrap() {
        drop(stream.shutdown(std::net::Shutdown::Both));
        return None;
    }
    state.seen.lock().unwrap().push(request.clone());
    wait_while_held(state, &request);
    let fault = state.faults.lock().unwrap().pop_front();
    let mut reply = match fault {
        Some(Fault::Status(status)) => Reply::of(status),
        _ => handle(state, &request, &body),
    };
    let is_lost = |lost: &mut (String, u16)| request.method == "PUT" && request.path.ends_with(&*lost.0);
    if let Some((_, status)) = state.lost.lock().unwrap().take_if(is_lost) {
        reply = Reply::of(status);
    }
    let mut cut = None;
    match fault {
        Some(Fault::LostAnswer(status)) => reply = Reply::of(status),
        Some(Fault::Slow(time)) => std::thread::sleep(time),
        Some(Fault::Cut(bytes)) => cut = Some(bytes),
        Some(Fault::Whole) => reply.status = 200,
        Some(Fault::Shifted) => {
            let (start, end) =
                (request.range.as_ref()?.start, request.range.as_ref()?.start + reply.body.len());
            let shifted = format!("bytes {}-{end}/{}", start + 1, end + 1);
            reply.headers.retain(|(name, _)| *name != "Content-Range");
            reply.headers.push(("Content-Range", shifted));
        }
        _ => {}
    }
    reply.send(stream, request.method == "HEAD", cut)
}

fn read_request(stream: &TcpStream) -> Option<(Seen, Vec<u8>)> {
    let mut lines = BufReader::with_capacity(1, stream);
    let mut line = String::new();
    (lines.read_line(&mut line).ok()? > 0).then_some(())?;
    let mut words = line.split_whitespace().map(String::from);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_string());
    }
    let length = headers.get("content-length").map_or(Some(0), |text| text.parse().ok())?;
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    let bounds = headers.get("range").and_then(|text| text.strip_prefix("bytes=")?.split_once('-'));
    let range = bounds.and_then(|(start, end)| Some(start.parse().ok()?..end.parse::<usize>().ok()? + 1));
    Some((Seen { method, path: path.strip_prefix('/')?.into(), range, headers }, body))
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn of(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    fn xml(body: String) -> Self {
        Self { body: body.into_bytes(), ..Self::of(200) }
    }

    fn send(self, mut stream: &TcpStream, is_head: bool, cut: Option<usize>) -> Option<()> {
        let mut text = format!("HTTP/1.1 {} x\r\nContent-Length: {}\r\n", self.status, self.body.len());
        self.headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        stream.write_all((text + "\r\n").as_bytes()).ok()?;
        let sent = if is_head { 0 } else { self.body.len().min(cut.unwrap_or(usize::MAX)) };
        stream.write_all(&self.body[..sent]).ok()?;
        if cut.is_some() {
            drop(stream.shutdown(std::net::Shutdown::Both));
            return None;
        }
        Some(())
    }
}

fn handle(state: &State, request: &Seen, body: &[u8]) -> Reply {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let path = percent_decoded(path);
    let query: HashMap<_, _> =
        query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    match &*request.method {
        "GET" if query.contains_key("list-type") => list(state, path.trim_end_matches('/'), &query),
        "GET" | "HEAD" => read(state, request, &path),
        "PUT" if query.contains_key("uploadId") => put_part(state, request, &query, body),
        "POST" if query.contains_key("delete") => {
            let text = String::from_utf8_lossy(body);
            let mut said = String::new();
            for key in text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                state.objects.lock().unwrap().remove(&format!("{}/{key}", path.trim_end_matches('/')));
                said += &format!("<Deleted><Key>{key}</Key></Deleted>");
            }
            Reply::xml(format!("<DeleteResult>{said}</DeleteResult>"))
        }
        "PUT" | "POST" => write(state, request, &path, &query, body),
        "DELETE" => {
            match query.get("uploadId") {
                Some(id) => drop(state.uploads.lock().unwrap().remove(*id)),
                None => drop(state.objects.lock().unwrap().remove(&path)),
            }
            Reply::of(204)
        }
        _ => Reply::of(405),
    }
}

fn read(state: &State, request: &Seen, path: &str) -> Reply {
    let objects = state.objects.lock().unwrap();
    let Some(object) = objects.get(path) else { return Reply::of(404) };
    let (end, reads) = &mut *state.unreadable.lock().unwrap();
    if *reads > 0 && path.ends_with(&**end) {
        *reads -= 1;
        return Reply::of(403);
    }
    let tag = etag(object);
    if request.headers.get("if-match").is_some_and(|wanted| *wanted != tag) {
        return Reply::of(412);
    }
    let mut reply = Reply {
        headers: vec![("ETag", tag), ("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT".into())],
        ..Reply::of(200)
    };
    reply.body = match &request.range {
        None => object.clone(),
        Some(range) if range.start >= object.len() => return Reply::of(416),
        Some(range) => {
            let end = range.end.min(object.len());
            reply.status = 206;
            reply
                .headers
                .push(("Content-Range", format!("bytes {}-{}/{}", range.start, end - 1, object.len())));
            object[range.start..end].to_vec()
        }
    };
    reply
}

fn put_part(state: &State, request: &Seen, query: &HashMap<&str, &str>, body: &[u8]) -> Reply {
    let bytes = match request.headers.get("x-amz-copy-source") {
        Some(source) => state
            .objects
            .lock()
            .unwrap()
            .get(&percent_decoded(source.trim_start_matches('/')))
            .cloned()
            .unwrap_or_default(),
        None => body.to_vec(),
    };
    let tag = etag(&bytes);
    let (id, number) = (query["uploadId"], query["partNumber"].parse().unwrap());
    let mut uploads = state.uploads.lock().unwrap();
    let Some(parts) = uploads.get_mut(id) else { return Reply::of(404) };
    parts.insert(number, bytes);
    let copied = format!("<CopyPartResult><ETag>{}</ETag></CopyPartResult>", tag.replace('"', "&quot;"));
    Reply { headers: vec![("ETag", tag)], ..Reply::xml(copied) }
}

fn write(state: &State, request: &Seen, path: &str, query: &HashMap<&str, &str>, body: &[u8]) -> Reply {
    if query.contains_key("uploads") {
        let mut uploads = state.uploads.lock().unwrap();
        let id = format!("upload{}", uploads.len() + state.seen.lock().unwrap().len() * 1000);
        uploads.insert(id.clone(), BTreeMap::new());
        let text = format!(
            "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        );
        return Reply::xml(text);
    }
    let has_condition = request.headers.contains_key("if-none-match");
    if has_condition && *state.unconditional.lock().unwrap() {
        return Reply::of(501);
    }
    let mut objects = state.objects.lock().unwrap();
    if has_condition && objects.contains_key(path) {
        return Reply::of(412);
    }
    let mut text = String::new();
    let bytes = match (request.method.as_str(), request.headers.get("x-amz-copy-source")) {
        ("POST", _) => {
            let Some(parts) = state.uploads.lock().unwrap().remove(query["uploadId"]) else {
                return Reply::of(404);
            };
            parts.into_values().flatten().collect()
        }
        (_, Some(source)) => {
            let Some(bytes) = objects.get(&percent_decoded(source.trim_start_matches('/'))) else {
                return Reply::of(404);
            };
            bytes.clone()
        }
        _ => body.to_vec(),
    };
    let tag = etag(&bytes);
    let shown = tag.replace('"', "&quot;");
    if request.method == "POST" {
        text = format!("<CompleteMultipartUploadResult><ETag>{shown}</ETag></CompleteMultipartUploadResult>");
    } else if request.headers.contains_key("x-amz-copy-source") {
        text = format!("<CopyObjectResult><ETag>{shown}</ETag></CopyObjectResult>");
    }
    objects.insert(path.into(), bytes);
    Reply { headers: vec![("ETag", tag)], ..Reply::xml(text) }
}

/// Most keys of one listing, as of S3.
const PAGE_KEYS: usize = 1000;

fn list(state: &State, bucket: &str, query: &HashMap<&str, &str>) -> Reply {
    let prefix = percent_decoded(query.get("prefix").unwrap_or(&""));
    let objects = state.objects.lock().unwrap();
    let after = query.get("continuation-token").or(query.get("start-after"));
    let after = percent_decoded(after.unwrap_or(&""));
    let mut listed = objects
        .iter()
        .filter_map(|(path, bytes)| Some((path.strip_prefix(&format!("{bucket}/"))?, bytes)))
        .filter(|(key, _)| key.starts_with(&prefix) && *key > after.as_str())
        .filter(|(key, _)| !query.contains_key("delimiter") || !key[prefix.len()..].contains('/'));
    let (mut contents, mut last) = (String::new(), "");
    for (key, bytes) in listed.by_ref().take(PAGE_KEYS) {
        let (size, tag) = (bytes.len(), etag(bytes).replace('"', "&quot;"));
        contents += &format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified><ETag>{tag}</ETag><Size>{size}</Size></Contents>"
        );
        last = key;
    }
    let next = match listed.next() {
        Some(_) => {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>")
        }
        None => "<IsTruncated>false</IsTruncated>".into(),
    };
    Reply::xml(format!("<ListBucketResult>{next}{contents}</ListBucketResult>"))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = &after[if code.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8(bytes).unwrap()
}
