-- Tables of a hub in PostgreSQL in version 1.
CREATE TABLE version (number integer NOT NULL);
INSERT INTO version VALUES (1);
CREATE TABLE boxes (
  id text COLLATE "C" PRIMARY KEY, name text NOT NULL, key bytea NOT NULL UNIQUE, words text NOT NULL,
  joined_ms bigint NOT NULL, seen_ms bigint NOT NULL, book text NOT NULL, version text NOT NULL, allow text NOT NULL,
  status text NOT NULL, event_bytes bigint NOT NULL DEFAULT 0);
CREATE TABLE invitations (hash bytea PRIMARY KEY, ends_ms bigint NOT NULL);
CREATE TABLE pictures (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  at_ms bigint NOT NULL, jpeg bytea NOT NULL, PRIMARY KEY (box, camera));
CREATE TABLE cursors (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, file text NOT NULL, "offset" bigint NOT NULL,
  PRIMARY KEY (box, file));
CREATE TABLE events (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, id text COLLATE "C" NOT NULL,
  camera text COLLATE "C" NOT NULL, start_ms bigint NOT NULL, end_ms bigint, kind text NOT NULL, title text NOT NULL,
  level smallint NOT NULL, marks smallint NOT NULL, record text NOT NULL, file bigint NOT NULL,
  "offset" bigint NOT NULL, PRIMARY KEY (box, id));
CREATE INDEX events_of_camera ON events (box, camera, start_ms) INCLUDE (end_ms, kind, title, marks, id);
CREATE INDEX events_of_box ON events (box, start_ms, id) INCLUDE (kind, marks);
CREATE INDEX events_by_kind ON events (kind, start_ms, box, id);
CREATE INDEX events_by_start ON events (start_ms, box, id);
CREATE INDEX events_lasting ON events (box, camera, start_ms) WHERE end_ms IS NULL OR end_ms - start_ms > 3600000;
CREATE TABLE gaps (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  begin_ms bigint NOT NULL, end_ms bigint, reason text NOT NULL, detail text NOT NULL, file bigint NOT NULL,
  "offset" bigint NOT NULL, PRIMARY KEY (box, camera, begin_ms));
CREATE INDEX gaps_lasting ON gaps (box, camera, begin_ms) WHERE end_ms IS NULL OR end_ms - begin_ms > 86400000;
CREATE TABLE damage (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL, begin_ms bigint NOT NULL, end_ms bigint NOT NULL, units bigint NOT NULL,
  packets bigint NOT NULL, file bigint NOT NULL, "offset" bigint NOT NULL,
  PRIMARY KEY (box, camera, begin_ms, stream));
CREATE TABLE recorded_days (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, day integer NOT NULL, until_ms bigint NOT NULL,
  PRIMARY KEY (box, day));
CREATE TABLE recorded (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL,
  day integer NOT NULL, until_ms bigint NOT NULL, spans text NOT NULL, PRIMARY KEY (box, camera, day));
CREATE TABLE recorded_from (
  box text COLLATE "C" NOT NULL REFERENCES boxes ON DELETE CASCADE, camera text COLLATE "C" NOT NULL, first_ms bigint,
  PRIMARY KEY (box, camera));
