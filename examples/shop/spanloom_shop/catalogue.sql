-- The catalogue's products. There is no index on what they are about, as somebody will notice.
CREATE TABLE IF NOT EXISTS products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    about TEXT NOT NULL
);
