use larder::cache_read;

struct Filter {
    page: Page,
}

struct Page(u64);

#[cache_read(key = "k:{filter}")]
async fn load(filter: Filter) -> u64 {
    filter.page.0
}

#[cache_read(key = "k:{filter.page}")]
async fn field(filter: Filter) -> u64 {
    filter.page.0
}

#[cache_read(key = ("k", filter.page))]
async fn part(filter: Filter) -> u64 {
    filter.page.0
}

fn main() {}
