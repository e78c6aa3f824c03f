//! From an address to its store: credentials and endpoint from the environment, limits of time and number of tries from here.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut, S3CopyIfNotExists};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, HttpConnector, SpawnService, SpawnedReqwestConnector};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::address_policy::AddressPolicy;
use super::fault::{of_store, refused};
use super::runtime;
use super::settings::settings;
use super::stores::{Id, stores};
use crate::store::location::{Address, Scheme};

/// A store, and the key of an object in it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The store. Its calls must run on [`runtime::spawn`] or [`runtime::wait`], where their pauses are timed.
    pub store: Arc<dyn ObjectStore>,
    /// The key.
    pub key: Path,
}

impl Place {
    /// The key as the beginning of others; `None` for the whole store.
    pub(super) fn prefix(&self) -> Option<&Path> {
        (!self.key.as_ref().is_empty()).then_some(&self.key)
    }
}

/// Longest time for a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The store and key of an address. A store keeps its connections for the next call.
///
/// Credentials come from the environment: `AWS_*`, `GOOGLE_*`, `AZURE_*`. Unencrypted HTTP is used only where the endpoint there, or
/// the address, says `http://`.
///
/// # Errors
/// Settings in the environment that make no store; the system gives no threads.
pub fn connect(address: &Address) -> io::Result<Place> {
    let id = id_of(address);
    let mut stores = stores();
    let store = match stores.get(&id) {
        Some(store) => store,
        None => {
            let variables =
                std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
            let store = build(address, &variables.collect::<Vec<_>>(), &stores.policy(&id))?;
            stores.insert(id, store.clone());
            store
        }
    };
    let key = match address.scheme() {
        Scheme::Http | Scheme::Https => Path::from_url_path(address.key()),
        _ => Path::parse(address.key()),
    };
    Ok(Place { store, key: key.map_err(|e| of_store(e.into()))? })
}

/// Before the first connection for somebody who is not trusted: the web server of an address is reached as `addresses` allow from now on,
/// by everyone in this process, for an hour at least. Buckets are reached by the settings of the operator, and are not restricted. Looks the
/// name up, and holds the calling thread.
///
/// # Errors
/// `PermissionDenied`: a host that is refused, and stays as it was. `ResourceBusy`: too many were named.
pub fn restrict(address: &Address, addresses: &AddressPolicy) -> io::Result<()> {
    if !address.is_web() || *addresses == AddressPolicy::All {
        return Ok(());
    }
    let denied = |why: String| refused(io::ErrorKind::PermissionDenied, why);
    let url = addresses.check(&server(address)).map_err(denied)?;
    addresses.check_name(&url).map_err(|e| denied(e.to_string()))?;
    let too_many = "too many web servers were named within an hour; try again later";
    match stores().restrict(id_of(address), addresses, Instant::now()) {
        true => Ok(()),
        false => Err(refused(io::ErrorKind::ResourceBusy, too_many)),
    }
}

fn id_of(address: &Address) -> Id {
    (address.scheme(), address.host().to_string())
}

/// The web server of an address.
fn server(address: &Address) -> String {
    format!("{}://{}", address.scheme().name(), address.host())
}

/// Makes the connections of stores to hosts that are allowed, and to no others by names and redirects. A process has one policy or two.
#[derive(Debug)]
struct Restricted {
    addresses: AddressPolicy,
    is_encrypted: bool,
}

impl HttpConnector for Restricted {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        // Clients hold certificates and connections: those of many hosts share one.
        static CLIENTS: Mutex<Vec<(bool, AddressPolicy, HttpClient)>> = Mutex::new(Vec::new());
        let failed = |e: io::Error| object_store::Error::Generic { store: "HTTP", source: Box::new(e) };
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = |(is_encrypted, addresses, _): &&(bool, AddressPolicy, HttpClient)| {
            *is_encrypted == self.is_encrypted && *addresses == self.addresses
        };
        if let Some((.., client)) = clients.iter().find(is_ours) {
            return Ok(client.clone());
        }
        let client = self.addresses.reader(settings().request_timeout, self.is_encrypted).map_err(failed)?;
        let service = SpawnService::new(client, runtime::handle().map_err(failed)?.clone());
        let client = HttpClient::new(service);
        clients.push((self.is_encrypted, self.addresses.clone(), client.clone()));
        Ok(client)
    }
}

fn build(
    address: &Address,
    variables: &[(String, String)],
    addresses: &AddressPolicy,
) -> io::Result<Arc<dyn ObjectStore>> {
    let settings = settings();
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: settings.retries,
        retry_timeout: settings.retry_timeout,
    };
    let connector = SpawnedReqwestConnector::new(runtime::handle()?.clone());
    let client = ClientOptions::new()
        .with_timeout(settings.request_timeout)
        .with_connect_timeout(CONNECT_TIMEOUT.min(settings.request_timeout))
        .with_user_agent(http_agent())
        .with_allow_http(allows_http(address, variables));
    let set = |prefix: &'static str| {
        variables
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
    };
    let host = address.host();
    let built: object_store::Result<Arc<dyn ObjectStore>> = match address.scheme() {
        Scheme::S3 => {
            let mut builder = AmazonS3Builder::new().with_client_options(client);
            for (name, value) in set("AWS_") {
                if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            // The store itself says whether it takes conditions: see `publish`.
            let builder = builder.with_bucket_name(host).with_retry(retry).with_http_connector(connector);
            let builder = builder.with_conditional_put(S3ConditionalPut::ETagMatch);
            builder
                .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
                .build()
                .map(|store| Arc::new(store) as _)
        }
        Scheme::Google => {
            let mut builder = GoogleCloudStorageBuilder::new().with_client_options(client);
            for (name, value) in set("GOOGLE_") {
                if let Ok(key) = name.parse::<GoogleConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            let builder = builder.with_bucket_name(host).with_retry(retry).with_http_connector(connector);
            builder.build().map(|store| Arc::new(store) as _)
        }
        Scheme::Azure => {
            let mut builder = MicrosoftAzureBuilder::new().with_client_options(client);
            for (name, value) in set("AZURE_") {
                if let Ok(key) = name.parse::<AzureConfigKey>() {
                    builder = builder.with_config(key, value);
                }
            }
            let builder = builder.with_container_name(host).with_retry(retry).with_http_connector(connector);
            builder.build().map(|store| Arc::new(store) as _)
        }
        Scheme::Http | Scheme::Https => {
            let builder = HttpBuilder::new().with_url(server(address));
            let builder = builder.with_client_options(client).with_retry(retry);
            let is_encrypted = address.scheme() == Scheme::Https;
            let builder = match addresses {
                AddressPolicy::All => builder.with_http_connector(connector),
                AddressPolicy::Public(_) => {
                    builder.with_http_connector(Restricted { addresses: addresses.clone(), is_encrypted })
                }
            };
            builder.build().map(|store| Arc::new(store) as _)
        }
    };
    built.map_err(|_| {
        let names = match address.scheme() {
            Scheme::S3 => "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL",
            Scheme::Google => "GOOGLE_APPLICATION_CREDENTIALS, GOOGLE_SERVICE_ACCOUNT",
            Scheme::Azure => "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY, AZURE_ENDPOINT",
            Scheme::Http | Scheme::Https => {
                return refused(io::ErrorKind::InvalidInput, "no such host can be; check the address");
            }
        };
        refused(
            io::ErrorKind::InvalidInput,
            format!("the settings of its store do not fit together; check {names}"),
        )
    })
}

fn http_agent() -> object_store::HeaderValue {
    object_store::HeaderValue::from_static(concat!("origami/", env!("CARGO_PKG_VERSION")))
}

/// Whether the address, or the endpoint that the environment gives its store, is one of unencrypted HTTP.
fn allows_http(address: &Address, variables: &[(String, String)]) -> bool {
    let names: &[&str] = match address.scheme() {
        Scheme::Http => return true,
        Scheme::Https => return false,
        Scheme::S3 => &["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"],
        Scheme::Google => &["GOOGLE_BASE_URL"],
        Scheme::Azure => &["AZURE_ENDPOINT", "AZURE_STORAGE_ENDPOINT"],
    };
    let is_http = |value: &str| value.trim().to_ascii_lowercase().starts_with("http://");
    variables.iter().any(|(name, value)| names.contains(&name.as_str()) && is_http(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::location::Location;

    fn address(text: &str) -> Address {
        match Location::parse(std::path::Path::new(text)) {
            Ok(Location::Address(address)) => address,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn unencrypted_http_is_used_only_where_an_endpoint_says_so() {
        let endpoint = |name: &str, value: &str| vec![(name.to_string(), value.to_string())];
        let s3 = address("s3://bucket/key");
        assert!(!allows_http(&s3, &[]));
        assert!(allows_http(&s3, &endpoint("AWS_ENDPOINT_URL", "http://127.0.0.1:9")));
        assert!(!allows_http(&s3, &endpoint("AWS_ENDPOINT_URL", "https://host")));
        assert!(!allows_http(&s3, &endpoint("AZURE_ENDPOINT", "http://127.0.0.1:9")));
        assert!(!allows_http(&address("https://host/a"), &[]));
        assert!(allows_http(&address("http://host/a"), &[]));
    }

    #[test]
    fn settings_that_make_no_store_are_named_without_their_values() {
        let wrong = [("AWS_ENDPOINT_URL".to_string(), "http://planted-secret:x y".to_string())];
        for address in [address("s3://bucket/key"), address("az://container/key")] {
            if let Err(error) = build(&address, &wrong, &AddressPolicy::All) {
                assert!(
                    error.to_string().contains("check A") && !error.to_string().contains("secret"),
                    "{error}"
                );
            }
        }
        assert!(
            build(&address("az://container/key"), &[], &AddressPolicy::All).is_err(),
            "an account is missing"
        );
    }

    #[test]
    fn a_web_server_that_strangers_name_is_reached_at_public_addresses_alone() {
        let addresses = AddressPolicy::Public("ask the operator".into());
        for host in ["127.0.0.1:9", "localhost:9", "2130706433", "[::1]:9"] {
            let private = address(&format!("http://{host}/a"));
            let error = restrict(&private, &addresses).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{host}");
            assert!(error.to_string().contains("ask the operator"), "{error}");
            // What the operator reaches there is as before.
            assert_eq!(stores().policy(&(Scheme::Http, host.into())), AddressPolicy::All);
            restrict(&private, &AddressPolicy::All).unwrap();
        }
        restrict(&address("s3://127.0.0.1/a"), &addresses).unwrap();
        restrict(&address("https://1.1.1.1/a"), &addresses).unwrap();
        assert_eq!(stores().policy(&(Scheme::Https, "1.1.1.1".into())), addresses);
    }

    #[test]
    fn a_name_that_becomes_one_of_a_private_address_is_refused_when_a_store_connects() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let there = address(&format!("http://localhost:{}/a", server.local_addr().unwrap().port()));
        let addresses = AddressPolicy::Public("ask the operator".into());
        // As if the name had been public when it was looked up.
        let place = Place { store: build(&there, &[], &addresses).unwrap(), key: Path::from("a") };
        let error = runtime::wait(async move { super::super::fetch::start(&place, 9).await }).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains("ask the operator"), "{error}");
    }
}
