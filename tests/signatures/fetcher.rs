//! A client of somebody else's service: one function for every type that can be decoded.

use larder::{cache_read, cache_write};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Calls, is_send, with_cache};

/// As in `reqwest`.
#[derive(Debug, Default)]
pub(crate) struct Client {
    sent: Calls,
}

/// As in `url`.
#[derive(Debug, Clone)]
pub(crate) struct Url(String);

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the answer is not what was asked for")]
    Decode(#[from] serde_json::Error),
}

/// One entry for each url. Asked for as another type, its value is none that could be used: it is loaded.
#[cache_read(key = "fetched:{url:hash}", ttl = "1m", skip(client))]
pub(crate) async fn fetch_json<T>(client: &Client, url: &Url) -> Result<T, FetchError>
where
    T: DeserializeOwned + Serialize + Clone + Send + Sync + 'static,
{
    client.sent.count();
    tokio::task::yield_now().await;
    let path = url.0.trim_start_matches("https://example.org");
    let body = if path == "/user" {
        r#"{"login":"ada"}"#
    } else {
        "[1,2]"
    };
    Ok(serde_json::from_str(body)?)
}

#[cache_write(tags = ["fetched:{url:hash}"])]
pub(crate) async fn post<B: Serialize + ?Sized>(
    client: &Client,
    url: &Url,
    body: &B,
) -> Result<(), FetchError> {
    client.sent.count();
    serde_json::to_string(body)?;
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    login: String,
}

#[tokio::test]
async fn a_generic_fetcher_is_cached_for_each_type() {
    let client = &Client::default();
    let user = &Url("https://example.org/user".to_owned());
    let numbers = &Url("https://example.org/numbers".to_owned());
    with_cache(async {
        for _ in 0..2 {
            let account: Account = is_send(fetch_json(client, user)).await.expect("it answers");
            assert_eq!(account.login, "ada");
            let numbers = fetch_json::<Vec<u8>>(client, numbers).await;
            assert_eq!(numbers.expect("it answers"), [1, 2]);
        }
        assert_eq!(client.sent.so_far(), 2);

        is_send(post(client, user, "grace"))
            .await
            .expect("it is taken");
        fetch_json::<Account>(client, user)
            .await
            .expect("it answers");
        fetch_json::<Vec<u8>>(client, numbers)
            .await
            .expect("it answers");
        assert_eq!(client.sent.so_far(), 4, "the post, and the one account");
    })
    .await;
}
