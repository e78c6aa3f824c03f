//! A collector of OpenTelemetry on loopback: takes traces as OTLP over HTTP, or not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;

/// What becomes of what is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is taken.
    Taken,
    /// This status.
    Status(u16),
    /// None, ever.
    Never,
}

/// A span that was received.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// In hexadecimal, as `traceparent` has them; empty for no parent.
    pub trace: String,
    pub id: String,
    pub parent: String,
    /// 2 for a server's.
    pub kind: i32,
    /// 2 for an error.
    pub status: i32,
    /// Attributes, their values as text.
    pub attributes: BTreeMap<String, String>,
    /// Attributes of the program.
    pub resource: BTreeMap<String, String>,
}

impl Span {
    /// An attribute, or nothing.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }
}

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    /// Heads and bodies of all requests.
    bytes: Vec<u8>,
    requests: usize,
    /// Connections that get no answer.
    held: Vec<TcpStream>,
}

/// The collector; its threads end with the process.
pub struct Collector {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    received: Arc<Mutex<Received>>,
    answer: Arc<Mutex<Answer>>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(|e| e.into_inner())
}

impl Collector {
    /// Starts one on a free port.
    pub fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (received, answer) = (Arc::<Mutex<Received>>::default(), Arc::new(Mutex::new(answer)));
        let (into, how) = (received.clone(), answer.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = *lock(&how);
                serve(stream, answer, &into);
            }
        });
        Self { address, received, answer }
    }

    /// Answers in another way from now on.
    pub fn answers(&self, answer: Answer) {
        *lock(&self.answer) = answer;
    }

    /// All spans so far.
    pub fn all(&self) -> Vec<Span> {
        lock(&self.received).spans.clone()
    }

    /// Those of a trace.
    pub fn spans(&self, trace: &str) -> Vec<Span> {
        self.all().into_iter().filter(|span| span.trace == trace).collect()
    }

    /// Everything that was sent here so far.
    pub fn bytes(&self) -> Vec<u8> {
        lock(&self.received).bytes.clone()
    }

    /// How many requests came so far.
    pub fn requests(&self) -> usize {
        lock(&self.received).requests
    }
}

/// One request, one answer, as the server sends them.
fn serve(stream: TcpStream, answer: Answer, into: &Mutex<Received>) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut stream = reader.into_inner();
    let mut received = lock(into);
    received.requests += 1;
    received.bytes.extend([head.as_bytes(), &body].concat());
    match answer {
        Answer::Taken => {
            assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
            assert!(head.to_ascii_lowercase().contains("content-type: application/x-protobuf"), "{head}");
            received.spans.extend(spans_of(&body));
            reply(&mut stream, 200);
        }
        Answer::Status(status) => reply(&mut stream, status),
        Answer::Never => received.held.push(stream),
    }
}

fn reply(stream: &mut TcpStream, status: u16) {
    let head =
        format!("HTTP/1.1 {status} -\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n");
    // A server that is killed does not take it.
    drop(stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()));
}

fn spans_of(body: &[u8]) -> Vec<Span> {
    let sent = ExportTraceServiceRequest::decode(body).unwrap();
    let mut spans = Vec::new();
    for of in sent.resource_spans {
        let resource = attributes(of.resource.unwrap_or_default().attributes);
        for span in of.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
            spans.push(Span {
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                kind: span.kind,
                status: span.status.map_or(0, |status| status.code),
                attributes: attributes(span.attributes),
                resource: resource.clone(),
            });
        }
    }
    spans
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(value)) => value.to_string(),
        other => panic!("{other:?}"),
    }
}
