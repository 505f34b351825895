use larder::cache_read;
use std::rc::Rc;

struct NotClone;

#[cache_read(key = "k:{id}")]
fn load(id: u64) -> NotClone {
    let _ = id;
    NotClone
}

#[cache_read(key = "rc:{id}")]
fn local(id: u64) -> Result<Rc<u64>, ()> {
    Ok(Rc::new(id))
}

fn main() {}
