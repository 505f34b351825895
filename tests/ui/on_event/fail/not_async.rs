use larder::on_event;

#[derive(serde::Deserialize)]
struct UserUpdated {
    user_id: u64,
}

#[on_event("user.updated")]
fn drop_user(event: UserUpdated) {
    let _ = event.user_id;
}

fn main() {}
