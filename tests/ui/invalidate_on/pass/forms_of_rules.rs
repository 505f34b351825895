use larder::{Cache, Tag, emit, invalidate_on};

const NAME: &str = "user.updated";

#[derive(serde::Serialize, serde::Deserialize)]
struct UserUpdated {
    r#type: String,
    user: (u64, Option<u64>),
}

fn tags_of(event: &UserUpdated) -> Vec<Tag> {
    vec![Tag::new(format!("of:{}", event.user.0))]
}

invalidate_on!(NAME, tags = ["user:{user.0}", "<type>:all"]);
invalidate_on!("user.updated", keys = ["k:{user.1}", "fixed"], namespace = "{type}");
invalidate_on!("user.updated": UserUpdated, tags = ["user:{user.0}", Tag::new(&event.r#type)]);
invalidate_on!("user.updated": UserUpdated, tags = tags_of, keys = [("k", event.user.1)]);
invalidate_on!("user.updated": UserUpdated, tags = tags_of(&event), cache = "sessions");
invalidate_on! { "user.updated": UserUpdated, keys = ["{type}:{user.1}"], namespace = "{type}" }

fn main() {
    invalidate_on!("user.updated": UserUpdated, tags = ["nested:{type}"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("it starts").block_on(larder::scope(Cache::memory(), async {
        let updated = UserUpdated { r#type: "admin".to_owned(), user: (7, None) };
        let emitted = emit("user.updated", &updated).await.expect("it is encoded");
        assert_eq!((emitted.handled, emitted.failed), (7, 0));
    }));
}
