use larder::on_event;

#[derive(serde::Deserialize)]
struct UserUpdated {
    user_id: u64,
}

struct Users;

impl Users {
    #[on_event("user.updated")]
    async fn drop_user(&self, event: UserUpdated) {
        let _ = event.user_id;
    }
}

fn main() {}
