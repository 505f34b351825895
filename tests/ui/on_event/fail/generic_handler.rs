use larder::on_event;

#[on_event("user.updated")]
async fn drop_user<T>(event: T) {
    drop(event);
}

fn main() {}
