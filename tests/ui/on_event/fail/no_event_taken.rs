use larder::on_event;

#[on_event("user.updated")]
async fn drop_user() {}

fn main() {}
