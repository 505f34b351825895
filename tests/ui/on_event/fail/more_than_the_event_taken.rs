use larder::on_event;

#[derive(serde::Deserialize)]
struct UserUpdated {
    user_id: u64,
}

#[on_event("user.updated")]
async fn drop_user(event: UserUpdated, more: u64) {
    let _ = (event.user_id, more);
}

fn main() {}
