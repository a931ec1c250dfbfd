BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0010');
CREATE TABLE altered_rows (
	relation TEXT NOT NULL, 
	row_key TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	found INTEGER NOT NULL, 
	valid INTEGER NOT NULL, 
	asked INTEGER NOT NULL, 
	why TEXT NOT NULL, 
	since REAL NOT NULL, 
	PRIMARY KEY (relation, row_key), 
	CHECK (asked >= 0), 
	CHECK (valid IN (0, 1))
)
 STRICT

;
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at REAL NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	entity TEXT NOT NULL, 
	entity_id TEXT NOT NULL, 
	"before" TEXT, 
	"after" TEXT, 
	origin TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	request_id TEXT NOT NULL, 
	PRIMARY KEY (id)
)
 STRICT

;
CREATE TABLE canonical_forms (
	relation TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	PRIMARY KEY (relation), 
	CHECK (revision >= 1)
)
 STRICT

;
CREATE TABLE cursors (
	peer TEXT NOT NULL, 
	peer_epoch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	acknowledged INTEGER NOT NULL, 
	updated_at REAL NOT NULL, checksum INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (peer, peer_epoch, epoch), 
	CHECK (acknowledged >= 0)
)
 STRICT

;
CREATE TABLE customers (
	lamport INTEGER NOT NULL, 
	stamp_node TEXT NOT NULL, 
	stamp_epoch TEXT NOT NULL, 
	id TEXT NOT NULL, 
	code TEXT NOT NULL, 
	name TEXT NOT NULL, 
	contact TEXT, 
	email TEXT, 
	phone TEXT, 
	city TEXT, 
	country TEXT, extra TEXT, checksum INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
)
 STRICT

;
CREATE TABLE decommission_witnesses (
	branch TEXT NOT NULL, 
	peer TEXT NOT NULL, 
	peer_epoch TEXT NOT NULL, 
	PRIMARY KEY (branch, peer, peer_epoch)
)
 STRICT

;
CREATE TABLE decommission_words (
	branch TEXT NOT NULL, 
	PRIMARY KEY (branch)
)
 STRICT

;
CREATE TABLE decommissioned (
	branch TEXT NOT NULL, 
	PRIMARY KEY (branch)
)
 STRICT

;
CREATE TABLE digest_buckets (
	relation TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	total BLOB NOT NULL, 
	PRIMARY KEY (relation, bucket)
)
 STRICT

;
CREATE TABLE epochs (
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	dead INTEGER NOT NULL, 
	PRIMARY KEY (branch, epoch), 
	CHECK (dead IN (0, 1))
)
 STRICT

;
CREATE TABLE events (
	epoch TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	event_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	entity TEXT NOT NULL, 
	lamport INTEGER NOT NULL, 
	created_at REAL NOT NULL, 
	command_end INTEGER NOT NULL, checksum INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (epoch, seq), 
	CHECK (command_end IN (0, 1)), 
	CHECK (seq >= 1)
)
 STRICT

;
CREATE TABLE hearsay_cells (
	product_id TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	confirmed INTEGER NOT NULL, 
	PRIMARY KEY (product_id, branch, epoch), 
	CHECK (confirmed >= 0)
)
 STRICT

;
CREATE TABLE hearsay_deaths (
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	PRIMARY KEY (branch, epoch)
)
 STRICT

;
CREATE TABLE node (
	id INTEGER NOT NULL, 
	cluster_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	starts INTEGER NOT NULL, 
	founded INTEGER NOT NULL, 
	lamport INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	order_counter INTEGER NOT NULL, 
	groups INTEGER NOT NULL, checksum INTEGER DEFAULT '0' NOT NULL, founding TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	CHECK (id = 1)
)
 STRICT

;
CREATE TABLE order_lines (
	order_id TEXT NOT NULL, 
	line INTEGER NOT NULL, 
	product_id TEXT NOT NULL, 
	sku TEXT NOT NULL, 
	name TEXT NOT NULL, 
	quantity INTEGER NOT NULL, 
	unit_price_cents INTEGER NOT NULL, extra TEXT, 
	PRIMARY KEY (order_id, line), 
	CHECK (quantity >= 1 AND unit_price_cents >= 0), 
	FOREIGN KEY(order_id) REFERENCES orders (id), 
	FOREIGN KEY(product_id) REFERENCES products (id)
)
 STRICT

;
CREATE TABLE orders (
	id TEXT NOT NULL, 
	number TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	announced TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	donor TEXT NOT NULL, 
	lamport INTEGER NOT NULL, 
	customer_id TEXT NOT NULL, 
	user_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	note TEXT, 
	total_cents INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	created_at REAL NOT NULL, 
	idempotency_key TEXT, 
	request_hash TEXT NOT NULL, extra TEXT, checksum INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id), 
	CHECK (status IN ('placed', 'cancelled')), 
	CHECK (total_cents >= 0 AND version >= 1), 
	FOREIGN KEY(customer_id) REFERENCES customers (id)
)
 STRICT

;
CREATE TABLE own_cells (
	product_id TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (product_id, branch, epoch)
)
 STRICT

;
CREATE TABLE parked (
	origin TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	event_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	entity TEXT NOT NULL, 
	body TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	waiting INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	parked_at REAL NOT NULL, checksum INTEGER DEFAULT '0' NOT NULL, donor TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (origin, epoch, seq, event_id), 
	CHECK (waiting IN (0, 1))
)
 STRICT

;
CREATE TABLE parked_elsewhere (
	peer TEXT NOT NULL, 
	peer_epoch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	first_seq INTEGER NOT NULL, 
	last_seq INTEGER NOT NULL, 
	PRIMARY KEY (peer, peer_epoch, epoch, first_seq), 
	CHECK (first_seq >= 1 AND last_seq >= first_seq)
)
 STRICT

;
CREATE TABLE positions (
	origin TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	seq INTEGER NOT NULL, 
	event_id TEXT NOT NULL, checksum INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (origin, epoch)
)
 STRICT

;
CREATE TABLE products (
	lamport INTEGER NOT NULL, 
	stamp_node TEXT NOT NULL, 
	stamp_epoch TEXT NOT NULL, 
	id TEXT NOT NULL, 
	sku TEXT NOT NULL, 
	name TEXT NOT NULL, 
	price_cents INTEGER NOT NULL, extra TEXT, checksum INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id), 
	CHECK (price_cents >= 0)
)
 STRICT

;
CREATE TABLE recoveries (
	product_id TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	usable INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	members TEXT NOT NULL, 
	PRIMARY KEY (product_id), 
	CHECK (usable >= 0)
)
 STRICT

;
CREATE TABLE salvaged (
	file TEXT NOT NULL, 
	at REAL NOT NULL, 
	report TEXT NOT NULL, 
	PRIMARY KEY (file)
)
 STRICT

;
CREATE TABLE schema_steps (
	revision TEXT NOT NULL, 
	down_revision TEXT NOT NULL, 
	statements TEXT NOT NULL, 
	PRIMARY KEY (revision)
)
 STRICT

;
INSERT INTO "schema_steps" VALUES('0010','0009','["DROP INDEX orders_user_key", "CREATE INDEX orders_user_key ON orders (user_id, idempotency_key)", "DROP INDEX orders_told", "CREATE INDEX orders_branch ON orders (branch, epoch)", "CREATE INDEX order_lines_product ON order_lines (product_id)"]');
INSERT INTO "schema_steps" VALUES('0009','0008','["ALTER TABLE node DROP COLUMN founding"]');
INSERT INTO "schema_steps" VALUES('0008','0007','["DROP TABLE decommission_words", "UPDATE users SET extra = json_set(CASE WHEN json_valid(extra) THEN extra ELSE ''{}'' END, ''$.admin_until'', admin_until) WHERE admin_until IS NOT 0", "ALTER TABLE users DROP COLUMN admin_until"]');
INSERT INTO "schema_steps" VALUES('0007','0006','["DROP TABLE hearsay_deaths", "DROP TABLE hearsay_cells", "ALTER TABLE parked DROP COLUMN donor"]');
INSERT INTO "schema_steps" VALUES('0006','0005','["ALTER TABLE node DROP COLUMN checksum", "ALTER TABLE events DROP COLUMN checksum", "ALTER TABLE cursors DROP COLUMN checksum", "ALTER TABLE positions DROP COLUMN checksum", "ALTER TABLE parked DROP COLUMN checksum"]');
CREATE TABLE stock (
	product_id TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	received INTEGER NOT NULL, 
	returned INTEGER NOT NULL, 
	returned_frozen INTEGER NOT NULL, 
	recovered INTEGER NOT NULL, 
	written_off INTEGER NOT NULL, 
	sold INTEGER NOT NULL, 
	removed INTEGER NOT NULL, 
	version INTEGER NOT NULL, extra TEXT, checksum INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (product_id, branch, epoch), 
	CHECK (received >= 0 AND returned >= 0 AND returned_frozen >= 0 AND recovered >= 0), 
	CHECK (written_off >= 0 AND sold >= 0 AND removed >= 0 AND version >= 1), 
	FOREIGN KEY(product_id) REFERENCES products (id)
)
 STRICT

;
CREATE TABLE stock_grants (
	product_id TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	to_branch TEXT NOT NULL, 
	to_epoch TEXT NOT NULL, 
	quantity INTEGER NOT NULL, 
	PRIMARY KEY (product_id, branch, epoch, to_branch, to_epoch), 
	CHECK (quantity >= 1), 
	FOREIGN KEY(product_id, branch, epoch) REFERENCES stock (product_id, branch, epoch)
)
 STRICT

;
CREATE TABLE unknown_rows (
	relation TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	origin TEXT NOT NULL, 
	"row" TEXT NOT NULL, 
	PRIMARY KEY (relation, sha256)
)
 STRICT

;
CREATE TABLE users (
	id TEXT NOT NULL, 
	username TEXT NOT NULL, 
	password_hash TEXT NOT NULL, 
	credentials_lamport INTEGER NOT NULL, 
	credentials_node TEXT NOT NULL, 
	credentials_epoch TEXT NOT NULL, 
	role TEXT NOT NULL, 
	role_lamport INTEGER NOT NULL, 
	role_node TEXT NOT NULL, 
	role_epoch TEXT NOT NULL, 
	deactivations TEXT NOT NULL, 
	reactivations TEXT NOT NULL, 
	token_version INTEGER NOT NULL, extra TEXT, checksum INTEGER DEFAULT '0' NOT NULL, admin_until INTEGER NOT NULL DEFAULT 0, 
	PRIMARY KEY (id), 
	CHECK (role IN ('admin', 'operador'))
)
 STRICT

;
CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_entity ON audit (entity, entity_id);
CREATE INDEX stock_grants_to ON stock_grants (product_id, to_branch, to_epoch);
CREATE INDEX parked_entity ON parked (kind, entity);
CREATE INDEX orders_told ON orders (branch, epoch) WHERE donor NOT IN ('', branch);
CREATE INDEX orders_user_key ON orders (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
COMMIT;
