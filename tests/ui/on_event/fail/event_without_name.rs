use larder::on_event;

#[derive(serde::Deserialize)]
struct UserUpdated {
    user_id: u64,
}

#[on_event]
async fn first(event: UserUpdated) {
    let _ = event.user_id;
}

#[on_event("")]
async fn second(event: UserUpdated) {
    let _ = event.user_id;
}

#[on_event(7)]
async fn third(event: UserUpdated) {
    let _ = event.user_id;
}

fn main() {}
