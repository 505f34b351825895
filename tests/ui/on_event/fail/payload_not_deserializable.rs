use larder::on_event;

struct Opaque;

#[on_event("user.updated")]
async fn drop_user(event: Opaque) {
    drop(event);
}

fn main() {}
