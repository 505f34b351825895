use std::sync::atomic::{AtomicU64, Ordering};

use larder::{Cache, Gap, on_event};

const NAME: &str = "user.updated";

static SUM: AtomicU64 = AtomicU64::new(0);

#[derive(serde::Serialize, serde::Deserialize)]
struct UserUpdated {
    user_id: u64,
}

type Answer<T> = Result<T, Opaque>;

struct Opaque;

#[on_event("user.updated")]
async fn by_value(event: UserUpdated) {
    SUM.fetch_add(event.user_id, Ordering::SeqCst);
}

#[on_event(NAME)]
pub(crate) async fn by_reference(event: &UserUpdated) -> Answer<u64> {
    SUM.fetch_add(event.user_id, Ordering::SeqCst);
    Ok(event.user_id)
}

#[on_event(NAME)]
async fn by_pattern(UserUpdated { user_id }: UserUpdated) -> Option<u64> {
    SUM.fetch_add(user_id, Ordering::SeqCst);
    None
}

#[on_event(self::NAME)]
#[allow(non_snake_case)]
async fn r#type(mut event: UserUpdated) -> Result<(), std::io::Error> {
    event.user_id += 1;
    SUM.fetch_add(event.user_id, Ordering::SeqCst);
    Ok(())
}

#[cfg(any())]
#[on_event("user.updated")]
async fn left_out(event: UserUpdated) {
    drop(event);
}

#[on_event(Gap::EVENT)]
async fn start_over(_: Gap) {}

fn main() {
    fn in_a_function() {
        #[on_event("user.updated")]
        async fn nested(event: UserUpdated) {
            SUM.fetch_add(event.user_id, Ordering::SeqCst);
        }
    }
    in_a_function();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("it starts").block_on(larder::scope(Cache::memory(), async {
        let emitted = larder::emit("user.updated", &UserUpdated { user_id: 7 }).await;
        let emitted = emitted.expect("it is encoded");
        assert_eq!((emitted.handled, emitted.failed), (5, 0));
        assert_eq!(SUM.load(Ordering::SeqCst), 36);
        assert!(by_reference(&UserUpdated { user_id: 0 }).await.is_ok());
    }));
}
