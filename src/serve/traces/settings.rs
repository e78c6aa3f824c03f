//! Where traces go, from the variables that every program with OpenTelemetry reads. Those about sampling, attributes and the queue are read
//! by the library that has them; here they are checked, since it would take something else in silence.

use std::time::Duration;

use reqwest::Url;

/// `http://HOST:PORT`, to which the path of traces is added.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The whole address.
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// The path that the specification adds.
const PATH: &str = "v1/traces";
/// Longest time of a transfer where no variable says one.
const TIMEOUT_MS: u64 = 10_000;

/// A variable that is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct Wrong {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it, and what to do. Without its value, which may hold a password.
    pub problem: String,
}

/// Whether traces are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceSettings {
    /// They are not, for this reason.
    Off(&'static str),
    /// They are.
    To(Collector),
}

/// Who receives traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// The whole address; it may hold a password.
    pub(super) address: Url,
    /// Longest time of a transfer.
    pub(super) timeout: Duration,
    /// Whether a variable names the service.
    pub(super) is_named: bool,
}

impl Collector {
    /// The address without user, password and query.
    pub fn shown(&self) -> String {
        let mut shown = self.address.clone();
        // Fails for addresses without a host, which are none of these.
        drop(shown.set_username(""));
        drop(shown.set_password(None));
        shown.set_query(None);
        shown.set_fragment(None);
        shown.to_string()
    }
}

impl TraceSettings {
    /// Those of the process.
    ///
    /// # Errors
    /// The first variable that is wrong.
    pub fn of_environment() -> Result<Self, Wrong> {
        Self::of(|name| std::env::var(name).ok())
    }

    /// Those of any variables. One that is empty counts as not set, as the specification has it.
    fn of(get: impl Fn(&str) -> Option<String>) -> Result<Self, Wrong> {
        let get =
            |name: &str| get(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty());
        if get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self::Off("OTEL_SDK_DISABLED is set"));
        }
        match get("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(Self::Off("OTEL_TRACES_EXPORTER is none")),
            Some(_) => return wrong("OTEL_TRACES_EXPORTER", "it is otlp or none"),
        }
        let (variable, address) = match (get(TRACES_ENDPOINT), get(ENDPOINT)) {
            (Some(whole), _) => (TRACES_ENDPOINT, whole),
            (None, Some(base)) => (ENDPOINT, format!("{}/{PATH}", base.trim_end_matches('/'))),
            (None, None) => return Ok(Self::Off("OTEL_EXPORTER_OTLP_ENDPOINT is not set")),
        };
        let parsed = Url::parse(&address).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let Some(address) = parsed.filter(Url::has_host) else {
            return wrong(variable, "it is no address; one is http://127.0.0.1:4318");
        };
        check(&get)?;
        let number = |name| get(name).and_then(|value| value.parse().ok());
        let timeout =
            number("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT").or_else(|| number("OTEL_EXPORTER_OTLP_TIMEOUT"));
        let attributes = get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let names = |pair: &str| pair.split('=').next().is_some_and(|key| key.trim() == "service.name");
        Ok(Self::To(Collector {
            address,
            timeout: Duration::from_millis(timeout.unwrap_or(TIMEOUT_MS)),
            is_named: get("OTEL_SERVICE_NAME").is_some() || attributes.split(',').any(names),
        }))
    }
}

fn wrong<T>(variable: &'static str, problem: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { variable, problem: problem.into() })
}

/// Names of both forms of a variable: that of traces alone, which comes first, and that of everything that is sent.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const COMPRESSIONS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
/// Variables that are whole numbers.
const NUMBERS: [&str; 8] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
];
/// Values of OTEL_TRACES_SAMPLER, and whether OTEL_TRACES_SAMPLER_ARG belongs to them.
const SAMPLERS: [(&str, bool); 6] = [
    ("always_on", false),
    ("always_off", false),
    ("traceidratio", true),
    ("parentbased_always_on", false),
    ("parentbased_always_off", false),
    ("parentbased_traceidratio", true),
];

/// Checks what the library reads.
fn check(get: &impl Fn(&str) -> Option<String>) -> Result<(), Wrong> {
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, get(name)?)));
    if let Some((name, value)) = first(PROTOCOLS)
        && value != "http/protobuf"
    {
        return wrong(name, "this program speaks http/protobuf alone, which collectors take at port 4318");
    }
    if let Some((name, value)) = first(COMPRESSIONS)
        && !["gzip", "none"].contains(&value.to_ascii_lowercase().as_str())
    {
        return wrong(name, "it is gzip or none");
    }
    if let Some((name, value)) = first(HEADERS)
        && value.split(',').map(str::trim).any(|pair| !pair.is_empty() && !pair.contains('='))
    {
        return wrong(name, "it is a list of NAME=VALUE, with commas between them");
    }
    for name in NUMBERS {
        if get(name).is_some_and(|value| value.parse::<u32>().map_or(true, |number| number == 0)) {
            return wrong(name, "it is a whole number from 1 up");
        }
    }
    let Some(sampler) = get("OTEL_TRACES_SAMPLER") else { return Ok(()) };
    let Some((_, takes_ratio)) = SAMPLERS.into_iter().find(|(name, _)| *name == sampler) else {
        let names = SAMPLERS.map(|(name, _)| name).join(", ");
        return wrong("OTEL_TRACES_SAMPLER", format!("it is one of {names}"));
    };
    let ratio = get("OTEL_TRACES_SAMPLER_ARG").and_then(|value| value.parse::<f64>().ok());
    if takes_ratio && !ratio.is_some_and(|ratio| (0.0..=1.0).contains(&ratio)) {
        return wrong("OTEL_TRACES_SAMPLER_ARG", format!("with {sampler} it is a number from 0 to 1"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Result<TraceSettings, Wrong> {
        TraceSettings::of(|name| set.iter().find(|(of, _)| *of == name).map(|(_, value)| value.to_string()))
    }

    fn to(set: &[(&str, &str)]) -> Collector {
        match of(set) {
            Ok(TraceSettings::To(collector)) => collector,
            other => panic!("{set:?}: {other:?}"),
        }
    }

    #[test]
    fn without_an_address_nothing_is_sent() {
        let off = |set: &[(&str, &str)]| matches!(of(set), Ok(TraceSettings::Off(_)));
        assert!(off(&[]) && off(&[("OTEL_SERVICE_NAME", "slides")]) && off(&[(ENDPOINT, " ")]));
        assert!(off(&[(ENDPOINT, "http://a:4318"), ("OTEL_SDK_DISABLED", "TRUE")]));
        assert!(off(&[(ENDPOINT, "http://a:4318"), ("OTEL_TRACES_EXPORTER", "none")]));
    }

    #[test]
    fn the_address_is_that_of_traces_and_is_shown_without_secrets() {
        assert_eq!(to(&[(ENDPOINT, "http://a:4318")]).shown(), "http://a:4318/v1/traces");
        assert_eq!(to(&[(ENDPOINT, "https://a/otlp/")]).shown(), "https://a/otlp/v1/traces");
        let both = [(ENDPOINT, "http://a:4318"), (TRACES_ENDPOINT, "http://me:secret@b:1/in?key=secret#x")];
        assert_eq!(to(&both).shown(), "http://b:1/in");
        assert_eq!(to(&both).address.password(), Some("secret"));
    }

    #[test]
    fn the_nearer_variable_says_how_long_a_transfer_may_take_and_who_names_the_service() {
        let at = (ENDPOINT, "http://a:4318");
        assert_eq!(to(&[at]).timeout, Duration::from_secs(10));
        assert_eq!(to(&[at, ("OTEL_EXPORTER_OTLP_TIMEOUT", "200")]).timeout, Duration::from_millis(200));
        let both = [at, ("OTEL_EXPORTER_OTLP_TIMEOUT", "200"), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "300")];
        assert_eq!(to(&both).timeout, Duration::from_millis(300));
        assert!(!to(&[at, ("OTEL_RESOURCE_ATTRIBUTES", "host.name=service.name")]).is_named);
        assert!(to(&[at, ("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=slides")]).is_named);
        assert!(to(&[at, ("OTEL_SERVICE_NAME", "slides")]).is_named);
    }

    #[test]
    fn a_variable_that_is_wrong_is_named_without_its_value() {
        let at = (ENDPOINT, "http://a:4318");
        for (name, value) in [
            ("OTEL_TRACES_EXPORTER", "console"),
            (ENDPOINT, "secret:4318"),
            (ENDPOINT, "ftp://secret"),
            (TRACES_ENDPOINT, "http://"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,secret"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ] {
            let wrong = of(&[(name, value), at]).expect_err(name);
            assert!(wrong.variable == name && !wrong.to_string().contains("secret"), "{wrong}");
        }
        let ratio =
            |arg| of(&[at, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", arg)]);
        assert_eq!(ratio("1.5").unwrap_err().variable, "OTEL_TRACES_SAMPLER_ARG");
        assert!(ratio("0.25").is_ok() && ratio("").is_err());
    }
}
