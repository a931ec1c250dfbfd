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
INSERT INTO "audit" VALUES(1,1700000001.0,'matriz','founded','user','41b6fab5-a179-5b04-a35a-4080e07a85a5',NULL,'{"credentials_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","credentials_lamport":0,"credentials_node":"matriz","deactivations":{},"id":"41b6fab5-a179-5b04-a35a-4080e07a85a5","reactivations":{},"role":"admin","role_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","role_lamport":0,"role_node":"matriz","token_version":1,"username":"admin"}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',1,'');
INSERT INTO "audit" VALUES(2,1700000001.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','created','user','e5183f0d-6744-507b-83e8-a399fcbe0e56',NULL,'{"credentials_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","credentials_lamport":1,"credentials_node":"matriz","deactivations":{},"id":"e5183f0d-6744-507b-83e8-a399fcbe0e56","reactivations":{},"role":"operador","role_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","role_lamport":1,"role_node":"matriz","token_version":1,"username":"ana"}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',1,'a-request');
INSERT INTO "audit" VALUES(3,1700000002.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','created','customer','979f197f-f785-5ccc-bd41-1d24ca9cc8dc',NULL,'{"city":null,"code":"ALFKI","contact":null,"country":null,"email":null,"id":"979f197f-f785-5ccc-bd41-1d24ca9cc8dc","lamport":2,"name":"Customer ALFKI","phone":null,"stamp_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","stamp_node":"matriz"}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',2,'a-request');
INSERT INTO "audit" VALUES(4,1700000003.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','created','customer','27ad01e2-487b-5d12-8d34-2e26227b38d9',NULL,'{"city":null,"code":"BONAP","contact":null,"country":null,"email":null,"id":"27ad01e2-487b-5d12-8d34-2e26227b38d9","lamport":3,"name":"Customer BONAP","phone":null,"stamp_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","stamp_node":"matriz"}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',3,'a-request');
INSERT INTO "audit" VALUES(5,1700000004.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','created','product','854e8040-f785-5a91-bc17-cdc930494cf3',NULL,'{"id":"854e8040-f785-5a91-bc17-cdc930494cf3","lamport":4,"name":"Product rice","price_cents":1000,"sku":"rice","stamp_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","stamp_node":"matriz"}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',4,'a-request');
INSERT INTO "audit" VALUES(6,1700000005.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','adjusted','stock','854e8040-f785-5a91-bc17-cdc930494cf3','{"branch":"matriz","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","granted":{},"product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","received":0,"recovered":0,"removed":0,"returned":0,"returned_frozen":0,"sold":0,"version":0,"written_off":0}','{"branch":"matriz","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","granted":{"norte@98cb49a89e9c25b4e95be20f3c7c745a":10},"product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","reason":"a delivery","received":20,"recovered":0,"removed":0,"returned":0,"returned_frozen":0,"sold":0,"version":2,"written_off":0}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',2,'a-request');
INSERT INTO "audit" VALUES(7,1700000006.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','created','product','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',NULL,'{"id":"b21783d7-5ca2-5cbe-87f7-8e621b6d6514","lamport":6,"name":"Product beans","price_cents":1000,"sku":"beans","stamp_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","stamp_node":"matriz"}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',6,'a-request');
INSERT INTO "audit" VALUES(8,1700000007.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','adjusted','stock','b21783d7-5ca2-5cbe-87f7-8e621b6d6514','{"branch":"matriz","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","granted":{},"product_id":"b21783d7-5ca2-5cbe-87f7-8e621b6d6514","received":0,"recovered":0,"removed":0,"returned":0,"returned_frozen":0,"sold":0,"version":0,"written_off":0}','{"branch":"matriz","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","granted":{"norte@98cb49a89e9c25b4e95be20f3c7c745a":10},"product_id":"b21783d7-5ca2-5cbe-87f7-8e621b6d6514","reason":"a delivery","received":20,"recovered":0,"removed":0,"returned":0,"returned_frozen":0,"sold":0,"version":2,"written_off":0}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',2,'a-request');
INSERT INTO "audit" VALUES(9,1700000008.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','placed','order','018bcfe5-8740-7eb8-8edd-7d6ff665b29a',NULL,'{"branch":"matriz","created_at":1700000008.0,"customer_id":"979f197f-f785-5ccc-bd41-1d24ca9cc8dc","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","id":"018bcfe5-8740-7eb8-8edd-7d6ff665b29a","idempotency_key":"key 1","lamport":8,"lines":[{"line":1,"name":"Product rice","product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","quantity":1,"sku":"rice","unit_price_cents":1000},{"line":2,"name":"Product beans","product_id":"b21783d7-5ca2-5cbe-87f7-8e621b6d6514","quantity":1,"sku":"beans","unit_price_cents":1000}],"note":null,"number":"MATRIZ-9900-000001","request_hash":"hash","status":"placed","total_cents":2000,"user_id":"1b671a64-40d5-491e-99b0-da01ff1f3341","version":1}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',1,'a-request');
INSERT INTO "audit" VALUES(10,1700000009.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','placed','order','018bcfe5-8b28-79b2-8c64-445dc0a9f4a7',NULL,'{"branch":"matriz","created_at":1700000009.0,"customer_id":"979f197f-f785-5ccc-bd41-1d24ca9cc8dc","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","id":"018bcfe5-8b28-79b2-8c64-445dc0a9f4a7","idempotency_key":"key 2","lamport":9,"lines":[{"line":1,"name":"Product rice","product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","quantity":2,"sku":"rice","unit_price_cents":1000},{"line":2,"name":"Product beans","product_id":"b21783d7-5ca2-5cbe-87f7-8e621b6d6514","quantity":1,"sku":"beans","unit_price_cents":1000}],"note":null,"number":"MATRIZ-9900-000002","request_hash":"hash","status":"placed","total_cents":3000,"user_id":"1b671a64-40d5-491e-99b0-da01ff1f3341","version":1}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',1,'a-request');
INSERT INTO "audit" VALUES(11,1700000010.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','placed','order','018bcfe5-8f10-7dda-a248-67638dd1be36',NULL,'{"branch":"matriz","created_at":1700000010.0,"customer_id":"979f197f-f785-5ccc-bd41-1d24ca9cc8dc","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","id":"018bcfe5-8f10-7dda-a248-67638dd1be36","idempotency_key":"key 3","lamport":10,"lines":[{"line":1,"name":"Product rice","product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","quantity":3,"sku":"rice","unit_price_cents":1000},{"line":2,"name":"Product beans","product_id":"b21783d7-5ca2-5cbe-87f7-8e621b6d6514","quantity":1,"sku":"beans","unit_price_cents":1000}],"note":null,"number":"MATRIZ-9900-000003","request_hash":"hash","status":"placed","total_cents":4000,"user_id":"1b671a64-40d5-491e-99b0-da01ff1f3341","version":1}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',1,'a-request');
INSERT INTO "audit" VALUES(12,1700000011.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','cancelled','order','018bcfe5-8f10-7dda-a248-67638dd1be36','{"branch":"matriz","created_at":1700000010.0,"customer_id":"979f197f-f785-5ccc-bd41-1d24ca9cc8dc","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","id":"018bcfe5-8f10-7dda-a248-67638dd1be36","idempotency_key":"key 3","lamport":10,"lines":[{"line":1,"name":"Product rice","product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","quantity":3,"sku":"rice","unit_price_cents":1000},{"line":2,"name":"Product beans","product_id":"b21783d7-5ca2-5cbe-87f7-8e621b6d6514","quantity":1,"sku":"beans","unit_price_cents":1000}],"note":null,"number":"MATRIZ-9900-000003","request_hash":"hash","status":"placed","total_cents":4000,"user_id":"1b671a64-40d5-491e-99b0-da01ff1f3341","version":1}','{"branch":"matriz","created_at":1700000010.0,"customer_id":"979f197f-f785-5ccc-bd41-1d24ca9cc8dc","epoch":"990083c3de6ef62bc1c1cb3e9d721d15","id":"018bcfe5-8f10-7dda-a248-67638dd1be36","idempotency_key":"key 3","lamport":10,"lines":[{"line":1,"name":"Product rice","product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","quantity":3,"sku":"rice","unit_price_cents":1000},{"line":2,"name":"Product beans","product_id":"b21783d7-5ca2-5cbe-87f7-8e621b6d6514","quantity":1,"sku":"beans","unit_price_cents":1000}],"note":null,"number":"MATRIZ-9900-000003","request_hash":"hash","status":"cancelled","total_cents":4000,"user_id":"1b671a64-40d5-491e-99b0-da01ff1f3341","version":2}','matriz','990083c3de6ef62bc1c1cb3e9d721d15',2,'a-request');
INSERT INTO "audit" VALUES(13,1700000012.0,'node:matriz','new_epoch','node','matriz','{"epoch":"990083c3de6ef62bc1c1cb3e9d721d15"}','{"epoch":"fc044bff95e1a2ea73a4c6da67764533","why":"a test says so"}','matriz','fc044bff95e1a2ea73a4c6da67764533',12,'');
INSERT INTO "audit" VALUES(14,1700000013.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','adjusted','stock','854e8040-f785-5a91-bc17-cdc930494cf3','{"branch":"matriz","epoch":"fc044bff95e1a2ea73a4c6da67764533","granted":{},"product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","received":0,"recovered":0,"removed":0,"returned":0,"returned_frozen":0,"sold":0,"version":0,"written_off":0}','{"branch":"matriz","epoch":"fc044bff95e1a2ea73a4c6da67764533","granted":{},"product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","reason":"a delivery","received":5,"recovered":0,"removed":0,"returned":0,"returned_frozen":0,"sold":0,"version":1,"written_off":0}','matriz','fc044bff95e1a2ea73a4c6da67764533',1,'a-request');
INSERT INTO "audit" VALUES(15,1700000014.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','placed','order','018bcfe5-9eb0-716b-9cab-23df67b03054',NULL,'{"branch":"matriz","created_at":1700000014.0,"customer_id":"27ad01e2-487b-5d12-8d34-2e26227b38d9","epoch":"fc044bff95e1a2ea73a4c6da67764533","id":"018bcfe5-9eb0-716b-9cab-23df67b03054","idempotency_key":null,"lamport":14,"lines":[{"line":1,"name":"Product rice","product_id":"854e8040-f785-5a91-bc17-cdc930494cf3","quantity":2,"sku":"rice","unit_price_cents":1000}],"note":null,"number":"MATRIZ-FC04-000004","request_hash":"hash","status":"placed","total_cents":2000,"user_id":"1b671a64-40d5-491e-99b0-da01ff1f3341","version":1}','matriz','fc044bff95e1a2ea73a4c6da67764533',1,'a-request');
INSERT INTO "audit" VALUES(16,1700000015.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','decommissioned','node','leste','{"member":true}','{"member":false}','matriz','fc044bff95e1a2ea73a4c6da67764533',15,'a-request');
INSERT INTO "audit" VALUES(17,1700000015.0,'1b671a64-40d5-491e-99b0-da01ff1f3341','decommissioned_without_majority','node','leste','{"member":true}','{"member":false}','matriz','fc044bff95e1a2ea73a4c6da67764533',15,'a-request');
INSERT INTO "audit" VALUES(18,1700000019.0,'matriz','superseded','customer','27ad01e2-487b-5d12-8d34-2e26227b38d9','{"city":null,"code":"BONAP","contact":null,"country":null,"email":null,"id":"27ad01e2-487b-5d12-8d34-2e26227b38d9","lamport":3,"name":"Customer BONAP","phone":null,"stamp_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","stamp_node":"matriz"}','{"city":null,"code":"BONAP","contact":null,"country":null,"email":null,"id":"27ad01e2-487b-5d12-8d34-2e26227b38d9","lamport":17,"name":"Customer BONAP","phone":null,"stamp_epoch":"990083c3de6ef62bc1c1cb3e9d721d15","stamp_node":"matriz","unheard_of":["of",2,null]}','matriz','fc044bff95e1a2ea73a4c6da67764533',17,'');
CREATE TABLE canonical_forms (
	relation TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	PRIMARY KEY (relation), 
	CHECK (revision >= 1)
)
 STRICT

;
INSERT INTO "canonical_forms" VALUES('users',2);
INSERT INTO "canonical_forms" VALUES('customers',1);
INSERT INTO "canonical_forms" VALUES('products',1);
INSERT INTO "canonical_forms" VALUES('stock',1);
INSERT INTO "canonical_forms" VALUES('orders',1);
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
INSERT INTO "cursors" VALUES('norte','98cb49a89e9c25b4e95be20f3c7c745a','fc044bff95e1a2ea73a4c6da67764533',11,1700000018.0,-7058542338760668587);
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
INSERT INTO "customers" VALUES(2,'matriz','990083c3de6ef62bc1c1cb3e9d721d15','979f197f-f785-5ccc-bd41-1d24ca9cc8dc','ALFKI','Customer ALFKI',NULL,NULL,NULL,NULL,NULL,NULL,2487394758411699175);
INSERT INTO "customers" VALUES(17,'matriz','990083c3de6ef62bc1c1cb3e9d721d15','27ad01e2-487b-5d12-8d34-2e26227b38d9','BONAP','Customer BONAP',NULL,NULL,NULL,NULL,NULL,'{"unheard_of":["of",2,null]}',5565243237378828568);
INSERT INTO "customers" VALUES(1,'norte','98cb49a89e9c25b4e95be20f3c7c745a','603d610c-3604-5206-a73b-752aa79e376f','CHOPS','Customer CHOPS',NULL,NULL,NULL,NULL,NULL,NULL,-3582759376160207859);
CREATE TABLE decommission_witnesses (
	branch TEXT NOT NULL, 
	peer TEXT NOT NULL, 
	peer_epoch TEXT NOT NULL, 
	PRIMARY KEY (branch, peer, peer_epoch)
)
 STRICT

;
INSERT INTO "decommission_witnesses" VALUES('leste','norte','98cb49a89e9c25b4e95be20f3c7c745a');
CREATE TABLE decommission_words (
	branch TEXT NOT NULL, 
	PRIMARY KEY (branch)
)
 STRICT

;
INSERT INTO "decommission_words" VALUES('leste');
CREATE TABLE decommissioned (
	branch TEXT NOT NULL, 
	PRIMARY KEY (branch)
)
 STRICT

;
INSERT INTO "decommissioned" VALUES('leste');
CREATE TABLE digest_buckets (
	relation TEXT NOT NULL, 
	bucket INTEGER NOT NULL, 
	total BLOB NOT NULL, 
	PRIMARY KEY (relation, bucket)
)
 STRICT

;
INSERT INTO "digest_buckets" VALUES('users',254,X'D169C7329530AC56D298E756C6821C35C012F659B66FD6BC3717A3D5EDDB3AD8');
INSERT INTO "digest_buckets" VALUES('users',3,X'459C02627C2BC11D355DFC229F83E6F3A4C96DEE606FD6F22D9367514A4D7C5A');
INSERT INTO "digest_buckets" VALUES('customers',116,X'DCAE588C9FBE3D7B5CA2FA571E525AD3FF5AE30B008606DEEC93B5CACE9F6615');
INSERT INTO "digest_buckets" VALUES('customers',134,X'E1058B5B02379A64D94A3A9E2B92E8678AD7D666CB4069DF2E2E2CFA37F15195');
INSERT INTO "digest_buckets" VALUES('products',127,X'5EF53752A678A3A0D0515615E2C447CCDD054979BE737F8B9F5A8E7129988C17');
INSERT INTO "digest_buckets" VALUES('stock',169,X'F09174DB222C8A95C6A1017E829DA67DCC7EBB22FA4F023E4B31209E68E6DDFA');
INSERT INTO "digest_buckets" VALUES('products',66,X'872EAB96A40962960110783C907BB4098F0F884922A7BB222E4A30E071382EC3');
INSERT INTO "digest_buckets" VALUES('stock',33,X'6657F218BEE4B1CAD8E1FCD784EBF75D255967DE56B899E9526856A964BD9EF3');
INSERT INTO "digest_buckets" VALUES('orders',251,X'60735D6AA2549FDF3777B51BBC38C62A8710634829BF091D50A619E7AC6FB775');
INSERT INTO "digest_buckets" VALUES('orders',198,X'F5DBAB3746CA8466A7DFE5E22F39C417750B91F8C5A5DA669A71837D1BC20EE2');
INSERT INTO "digest_buckets" VALUES('orders',5,X'9A01C603904DF2618FF420FB93C83C207C7C7C21D229B3D0B49E991A925714BC');
INSERT INTO "digest_buckets" VALUES('stock',38,X'1DFFE0229C2A6FE1D2A383048E710BAAE54F269C6C166AFB915FC486CDCAEA71');
INSERT INTO "digest_buckets" VALUES('orders',25,X'D21C76E8F78621C6A4E0AD38EC519654FD6455C647BB72629991164FC44BC110');
INSERT INTO "digest_buckets" VALUES('customers',157,X'D81ECD393128AF5920FE852361D5107C97442BC7FCC2303EBF18B97770288701');
CREATE TABLE epochs (
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	dead INTEGER NOT NULL, 
	PRIMARY KEY (branch, epoch), 
	CHECK (dead IN (0, 1))
)
 STRICT

;
INSERT INTO "epochs" VALUES('matriz','990083c3de6ef62bc1c1cb3e9d721d15',1);
INSERT INTO "epochs" VALUES('matriz','fc044bff95e1a2ea73a4c6da67764533',0);
INSERT INTO "epochs" VALUES('norte','98cb49a89e9c25b4e95be20f3c7c745a',0);
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
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',1,'d429f52f904606e5c1d375dc3840e4b7','user_upserted','41b6fab5-a179-5b04-a35a-4080e07a85a5',1,1700000001.0,0,234632665379677921);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',2,'e5998cf6d30e685d41876a98a473f2c9','user_upserted','e5183f0d-6744-507b-83e8-a399fcbe0e56',1,1700000001.0,1,-4709386492324174780);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',3,'54dbaa114701770bf8ca390286d6bc9d','customer_upserted','979f197f-f785-5ccc-bd41-1d24ca9cc8dc',2,1700000002.0,1,-7917427765003732434);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',4,'0afbbf361ac75c9f6eaee9867ed7611d','customer_upserted','27ad01e2-487b-5d12-8d34-2e26227b38d9',3,1700000003.0,1,-3468731686370606538);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',5,'1b7de7b5e83e75f97df33fe7325422eb','product_upserted','854e8040-f785-5a91-bc17-cdc930494cf3',4,1700000004.0,1,-3612185252284939159);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',6,'d21151e199c4f943b72d7378fe369013','stock_update','854e8040-f785-5a91-bc17-cdc930494cf3',5,1700000005.0,1,-4556178866421185935);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',7,'28a7b8d887bed5fd6b56f3e5eb7b6246','product_upserted','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',6,1700000006.0,1,-8227296059504638505);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',8,'42b03645c270ee5e7a765145041c948f','stock_update','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',7,1700000007.0,1,20000363020140231);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',9,'c3ce1b4c518bc8ddb655d5068b1ef261','stock_update','854e8040-f785-5a91-bc17-cdc930494cf3',8,1700000008.0,0,-3641733870150678293);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',10,'2d87151d34e49ae9ee1ea55952a75dc1','stock_update','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',8,1700000008.0,0,-2907239492527040316);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',11,'5a04c2c95c330a24c51b0878d8cc6a25','order_created','018bcfe5-8740-7eb8-8edd-7d6ff665b29a',8,1700000008.0,1,1681144591878221916);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',12,'bbed7206d655d4a8c119f6b5835fe88c','stock_update','854e8040-f785-5a91-bc17-cdc930494cf3',9,1700000009.0,0,-539808731567944905);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',13,'ac8fb9fac1596a67d07496f483ada8df','stock_update','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',9,1700000009.0,0,4309761076406303365);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',14,'caf2df704d7176fa90f5a12d1e1dc363','order_created','018bcfe5-8b28-79b2-8c64-445dc0a9f4a7',9,1700000009.0,1,-6231534866857658991);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',15,'5b80edb49efe4d1886b65aaf1aae26ad','stock_update','854e8040-f785-5a91-bc17-cdc930494cf3',10,1700000010.0,0,-3006325121110224135);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',16,'056a5bd0d7bc684972a52afe7d8a7136','stock_update','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',10,1700000010.0,0,-3452245825365038496);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',17,'720930d11c64c973130555669eb1423a','order_created','018bcfe5-8f10-7dda-a248-67638dd1be36',10,1700000010.0,1,-3477627258159557089);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',18,'c09f33397dbceb053e0d0f2e76e66363','stock_update','854e8040-f785-5a91-bc17-cdc930494cf3',11,1700000011.0,0,-2335380935279884484);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',19,'317ed43f656a4b45527b523dad464272','stock_update','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',11,1700000011.0,0,6765663268933610202);
INSERT INTO "events" VALUES('990083c3de6ef62bc1c1cb3e9d721d15',20,'5108d67eaaa14b7e8d557d45331cc980','order_cancelled','018bcfe5-8f10-7dda-a248-67638dd1be36',11,1700000011.0,1,-8824459442622150887);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',1,'93a4bda3d1d40004806022b247eb2201','user_upserted','41b6fab5-a179-5b04-a35a-4080e07a85a5',12,1700000012.0,0,6934211135042914662);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',2,'9d24e85bebb5183701146840696cc75e','user_upserted','e5183f0d-6744-507b-83e8-a399fcbe0e56',12,1700000012.0,0,-3535392372635423358);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',3,'773329f9c4e8a3dba42d6e24a572d753','customer_upserted','27ad01e2-487b-5d12-8d34-2e26227b38d9',12,1700000012.0,0,-1332215489595077742);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',4,'3f20e260782521579106bcb1e6372821','customer_upserted','979f197f-f785-5ccc-bd41-1d24ca9cc8dc',12,1700000012.0,0,-7874263621986499768);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',5,'ddaa97d6ef988c850086843cad3cda8b','product_upserted','854e8040-f785-5a91-bc17-cdc930494cf3',12,1700000012.0,0,3707509842263338271);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',6,'ccb50c29a3ac7c53b98bb4b2268790ec','product_upserted','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',12,1700000012.0,0,-8150968207802719674);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',7,'0511a5d3a8379b73e0d5d1028ffe4a8a','stock_update','854e8040-f785-5a91-bc17-cdc930494cf3',12,1700000012.0,0,5757235230110988537);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',8,'9711d3ecb4396684caa0f941a232e3c0','stock_update','b21783d7-5ca2-5cbe-87f7-8e621b6d6514',12,1700000012.0,1,-2183172323656703380);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',9,'61711d34580174f8c5cc574fbf1b38ec','stock_update','854e8040-f785-5a91-bc17-cdc930494cf3',13,1700000013.0,1,-372022077814353349);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',10,'578fb3f0489f6a555f5fe6fa30be6ac3','stock_update','854e8040-f785-5a91-bc17-cdc930494cf3',14,1700000014.0,0,-4174135209775830607);
INSERT INTO "events" VALUES('fc044bff95e1a2ea73a4c6da67764533',11,'422a5d2442cbf7639cb8b6c10681ee6f','order_created','018bcfe5-9eb0-716b-9cab-23df67b03054',14,1700000014.0,1,-9208480271286914025);
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
INSERT INTO "node" VALUES(1,'6f1f6f4e-3c1d-4a55-9d0e-2f0e5a6b7c8d','matriz','fc044bff95e1a2ea73a4c6da67764533',1,1,17,11,4,19,-284532171120097424,'');
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
INSERT INTO "order_lines" VALUES('018bcfe5-8740-7eb8-8edd-7d6ff665b29a',1,'854e8040-f785-5a91-bc17-cdc930494cf3','rice','Product rice',1,1000,NULL);
INSERT INTO "order_lines" VALUES('018bcfe5-8740-7eb8-8edd-7d6ff665b29a',2,'b21783d7-5ca2-5cbe-87f7-8e621b6d6514','beans','Product beans',1,1000,NULL);
INSERT INTO "order_lines" VALUES('018bcfe5-8b28-79b2-8c64-445dc0a9f4a7',1,'854e8040-f785-5a91-bc17-cdc930494cf3','rice','Product rice',2,1000,NULL);
INSERT INTO "order_lines" VALUES('018bcfe5-8b28-79b2-8c64-445dc0a9f4a7',2,'b21783d7-5ca2-5cbe-87f7-8e621b6d6514','beans','Product beans',1,1000,NULL);
INSERT INTO "order_lines" VALUES('018bcfe5-8f10-7dda-a248-67638dd1be36',1,'854e8040-f785-5a91-bc17-cdc930494cf3','rice','Product rice',3,1000,NULL);
INSERT INTO "order_lines" VALUES('018bcfe5-8f10-7dda-a248-67638dd1be36',2,'b21783d7-5ca2-5cbe-87f7-8e621b6d6514','beans','Product beans',1,1000,NULL);
INSERT INTO "order_lines" VALUES('018bcfe5-9eb0-716b-9cab-23df67b03054',1,'854e8040-f785-5a91-bc17-cdc930494cf3','rice','Product rice',2,1000,NULL);
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
INSERT INTO "orders" VALUES('018bcfe5-8740-7eb8-8edd-7d6ff665b29a','MATRIZ-9900-000001','matriz','990083c3de6ef62bc1c1cb3e9d721d15','990083c3de6ef62bc1c1cb3e9d721d15',11,'',8,'979f197f-f785-5ccc-bd41-1d24ca9cc8dc','1b671a64-40d5-491e-99b0-da01ff1f3341','placed',NULL,2000,1,1700000008.0,'key 1','hash',NULL,7658155633595367021);
INSERT INTO "orders" VALUES('018bcfe5-8b28-79b2-8c64-445dc0a9f4a7','MATRIZ-9900-000002','matriz','990083c3de6ef62bc1c1cb3e9d721d15','990083c3de6ef62bc1c1cb3e9d721d15',14,'',9,'979f197f-f785-5ccc-bd41-1d24ca9cc8dc','1b671a64-40d5-491e-99b0-da01ff1f3341','placed',NULL,3000,1,1700000009.0,'key 2','hash',NULL,6490721616062923520);
INSERT INTO "orders" VALUES('018bcfe5-8f10-7dda-a248-67638dd1be36','MATRIZ-9900-000003','matriz','990083c3de6ef62bc1c1cb3e9d721d15','990083c3de6ef62bc1c1cb3e9d721d15',17,'',10,'979f197f-f785-5ccc-bd41-1d24ca9cc8dc','1b671a64-40d5-491e-99b0-da01ff1f3341','cancelled',NULL,4000,2,1700000010.0,'key 3','hash',NULL,-3043648537083173292);
INSERT INTO "orders" VALUES('018bcfe5-9eb0-716b-9cab-23df67b03054','MATRIZ-FC04-000004','matriz','fc044bff95e1a2ea73a4c6da67764533','fc044bff95e1a2ea73a4c6da67764533',11,'',14,'27ad01e2-487b-5d12-8d34-2e26227b38d9','1b671a64-40d5-491e-99b0-da01ff1f3341','placed',NULL,2000,1,1700000014.0,NULL,'hash',NULL,7189431191739492104);
CREATE TABLE own_cells (
	product_id TEXT NOT NULL, 
	branch TEXT NOT NULL, 
	epoch TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (product_id, branch, epoch)
)
 STRICT

;
INSERT INTO "own_cells" VALUES('854e8040-f785-5a91-bc17-cdc930494cf3','matriz','fc044bff95e1a2ea73a4c6da67764533',2);
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
INSERT INTO "positions" VALUES('norte','98cb49a89e9c25b4e95be20f3c7c745a',1,'c1ac1c4d19cd24ebe29999199c892fe9',6044842181328917257);
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
INSERT INTO "products" VALUES(4,'matriz','990083c3de6ef62bc1c1cb3e9d721d15','854e8040-f785-5a91-bc17-cdc930494cf3','rice','Product rice',1000,NULL,-1044058634205638913);
INSERT INTO "products" VALUES(6,'matriz','990083c3de6ef62bc1c1cb3e9d721d15','b21783d7-5ca2-5cbe-87f7-8e621b6d6514','beans','Product beans',1000,NULL,8932747258601522156);
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
INSERT INTO "stock" VALUES('854e8040-f785-5a91-bc17-cdc930494cf3','matriz','990083c3de6ef62bc1c1cb3e9d721d15',20,3,0,0,0,6,0,6,NULL,-7787608109725776673);
INSERT INTO "stock" VALUES('b21783d7-5ca2-5cbe-87f7-8e621b6d6514','matriz','990083c3de6ef62bc1c1cb3e9d721d15',20,1,0,0,0,3,0,6,NULL,-5414776343960489360);
INSERT INTO "stock" VALUES('854e8040-f785-5a91-bc17-cdc930494cf3','matriz','fc044bff95e1a2ea73a4c6da67764533',5,0,0,0,0,2,0,2,NULL,4776006606846615775);
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
INSERT INTO "stock_grants" VALUES('854e8040-f785-5a91-bc17-cdc930494cf3','matriz','990083c3de6ef62bc1c1cb3e9d721d15','norte','98cb49a89e9c25b4e95be20f3c7c745a',10);
INSERT INTO "stock_grants" VALUES('b21783d7-5ca2-5cbe-87f7-8e621b6d6514','matriz','990083c3de6ef62bc1c1cb3e9d721d15','norte','98cb49a89e9c25b4e95be20f3c7c745a',10);
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
INSERT INTO "unknown_rows" VALUES('unheard_of','60210e463f02fe18c6138807e82d728a7be24df7bb8c932d95f27e6ac978afdd',2,'norte','{"id":"an id","name":"of another relation"}');
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
INSERT INTO "users" VALUES('41b6fab5-a179-5b04-a35a-4080e07a85a5','admin','$2b$04$eohRxYiLE.ntcPp08JtQy.qWx7bEJjv39tWQMOULNGJux01U6hds.',0,'matriz','990083c3de6ef62bc1c1cb3e9d721d15','admin',0,'matriz','990083c3de6ef62bc1c1cb3e9d721d15','{}','{}',1,NULL,-2318449997817507134,0);
INSERT INTO "users" VALUES('e5183f0d-6744-507b-83e8-a399fcbe0e56','ana','$2b$04$eohRxYiLE.ntcPp08JtQy.qWx7bEJjv39tWQMOULNGJux01U6hds.',1,'matriz','990083c3de6ef62bc1c1cb3e9d721d15','operador',1,'matriz','990083c3de6ef62bc1c1cb3e9d721d15','{}','{}',1,NULL,5910241798583785728,0);
CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_entity ON audit (entity, entity_id);
CREATE INDEX stock_grants_to ON stock_grants (product_id, to_branch, to_epoch);
CREATE INDEX parked_entity ON parked (kind, entity);
CREATE INDEX orders_told ON orders (branch, epoch) WHERE donor NOT IN ('', branch);
CREATE INDEX orders_user_key ON orders (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
COMMIT;
