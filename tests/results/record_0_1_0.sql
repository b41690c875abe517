BEGIN TRANSACTION;
CREATE TABLE artefacts (
	"key" VARCHAR(32) NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	path TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	bytes INTEGER NOT NULL, 
	PRIMARY KEY ("key", name), 
	FOREIGN KEY("key") REFERENCES trials ("key")
);
CREATE TABLE driver (
	id INTEGER NOT NULL, 
	term INTEGER NOT NULL, 
	holder TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "driver" VALUES(1,1,'hpsearch run older.py, process 12658 on host, since 2026-11-26T15:09:08Z');
CREATE TABLE launches (
	id INTEGER NOT NULL, 
	study VARCHAR(128) NOT NULL, 
	study_hash VARCHAR(64) NOT NULL, 
	study_text TEXT NOT NULL, 
	study_json TEXT NOT NULL, 
	code VARCHAR(64) NOT NULL, 
	provenance TEXT NOT NULL, 
	started VARCHAR(32) NOT NULL, 
	ended VARCHAR(32), 
	outcome TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "launches" VALUES(1,'older','1c858204356638575c80446c19ad495fa65601cccf016cb8ebb1e46fba43cd5a','"""The study that made the record beside this file, as it was written for hpsearch 0.1.0."""

import random
from dataclasses import dataclass

from hpsearch import Study, Trick, ladder


@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    wide: bool = False


def train(config, seed, epochs, run):
    noise = random.Random(seed)
    for epoch in range(epochs):
        yield {"accuracy": 50.0 + (10 + noise.random()) * config.wide - config.rate + noise.random(), "loss": 1 / (epoch + 1)}


study = Study(
    question="Does width help?",
    base=Config(),
    train=train,
    vary=ladder(Trick("wide", {"wide": True})),
    seeds=2,
    epochs=2,
    metric="accuracy",
)
','{"is": "Study", "question": "Does width help?", "base": {"is": "study_older:Config", "rate": 0.1, "wide": false}, "vary": {"is": "Plan", "arms": [{"is": "Arm", "tricks": []}, {"is": "Arm", "tricks": [{"is": "Trick", "name": "wide", "sets": [["wide", true]], "why": "", "claims": []}]}], "contrasts": [{"is": "Contrast", "name": "+ wide", "weights": [[{"is": "Arm", "tricks": [{"is": "Trick", "name": "wide", "sets": [["wide", true]], "why": "", "claims": []}]}, 1.0], [{"is": "Arm", "tricks": []}, -1.0]], "design": "ladder", "trick": {"is": "Trick", "name": "wide", "sets": [["wide", true]], "why": "", "claims": []}, "between": []}], "notes": []}, "tune": null, "seeds": 2, "epochs": 2, "budget": null, "train": {"is": "function", "name": "study_older:train"}, "metric": "accuracy", "goal": "maximise", "last": 1, "margin": null, "also": [], "divergence": {"is": "Divergence", "metric": "loss", "multiple": 10.0}}','d0548d9e8e302579669f9f53512e6d73a26d896609efa88c9ed87e4ba203bdf4','{"command": "hpsearch run older.py --here", "commit": "not in a git repository", "host": "vm", "machine": "AMD EPYC, 2 cores", "accelerators": "none", "system": "Linux-6.18.44-fc-v657-x86_64-with-glibc2.36", "Python": "3.11.7", "packages": "hpsearch 0.1.0, torch 2.15.0, torchvision 0.29.2, ray 2.60.0, optuna 5.0.0, numpy 2.4.6, pandas 3.1.1, scipy 1.17.1, statsmodels 0.15.0, scikit-learn 1.9.1"}','2026-11-26T15:09:08Z','2026-11-26T15:09:08Z','done');
CREATE TABLE rows (
	"key" VARCHAR(32) NOT NULL, 
	epoch INTEGER NOT NULL, 
	metrics TEXT NOT NULL, 
	PRIMARY KEY ("key", epoch), 
	FOREIGN KEY("key") REFERENCES trials ("key")
);
INSERT INTO "rows" VALUES('e7847e9d64746ed4f919e8aae9b49356',1,'{"accuracy": 50.6579544029403, "loss": 1.0}');
INSERT INTO "rows" VALUES('e7847e9d64746ed4f919e8aae9b49356',2,'{"accuracy": 50.15891675029296, "loss": 0.5}');
INSERT INTO "rows" VALUES('5995503016bdc2e75999829962f6861b',1,'{"accuracy": 61.50237625446535, "loss": 1.0}');
INSERT INTO "rows" VALUES('5995503016bdc2e75999829962f6861b',2,'{"accuracy": 60.579488331123805, "loss": 0.5}');
INSERT INTO "rows" VALUES('4e772985ca231dfcf4dcdb72cd4decaf',1,'{"accuracy": 50.74743373693723, "loss": 1.0}');
INSERT INTO "rows" VALUES('4e772985ca231dfcf4dcdb72cd4decaf',2,'{"accuracy": 50.15506902573942, "loss": 0.5}');
INSERT INTO "rows" VALUES('01469bc2f9005fe45b9be2444d49f6da',1,'{"accuracy": 60.88179798104964, "loss": 1.0}');
INSERT INTO "rows" VALUES('01469bc2f9005fe45b9be2444d49f6da',2,'{"accuracy": 60.918843644716034, "loss": 0.5}');
CREATE TABLE stamp (
	name VARCHAR(32) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "stamp" VALUES('schema','1');
CREATE TABLE trials (
	"key" VARCHAR(32) NOT NULL, 
	config TEXT NOT NULL, 
	seed INTEGER NOT NULL, 
	epochs INTEGER NOT NULL, 
	held_out VARCHAR(8) NOT NULL, 
	code VARCHAR(64) NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	fault VARCHAR(12) NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	attempts INTEGER NOT NULL, 
	seconds FLOAT, 
	host TEXT NOT NULL, 
	device TEXT NOT NULL, 
	changed VARCHAR(32) NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "trials" VALUES('e7847e9d64746ed4f919e8aae9b49356','{"is": "study_older:Config", "rate": 0.1, "wide": false}',0,2,'final','d0548d9e8e302579669f9f53512e6d73a26d896609efa88c9ed87e4ba203bdf4','complete','','','',1,3.15510810000887431669e-02,'host','cpu','2026-11-26T15:09:08Z');
INSERT INTO "trials" VALUES('5995503016bdc2e75999829962f6861b','{"is": "study_older:Config", "rate": 0.1, "wide": true}',0,2,'final','d0548d9e8e302579669f9f53512e6d73a26d896609efa88c9ed87e4ba203bdf4','complete','','','',1,1.26109819998418970499e-02,'host','cpu','2026-11-26T15:09:08Z');
INSERT INTO "trials" VALUES('4e772985ca231dfcf4dcdb72cd4decaf','{"is": "study_older:Config", "rate": 0.1, "wide": false}',1,2,'final','d0548d9e8e302579669f9f53512e6d73a26d896609efa88c9ed87e4ba203bdf4','complete','','','',1,1.20273740001266560284e-02,'host','cpu','2026-11-26T15:09:08Z');
INSERT INTO "trials" VALUES('01469bc2f9005fe45b9be2444d49f6da','{"is": "study_older:Config", "rate": 0.1, "wide": true}',1,2,'final','d0548d9e8e302579669f9f53512e6d73a26d896609efa88c9ed87e4ba203bdf4','complete','','','',1,1.02311040000131470151e-02,'host','cpu','2026-11-26T15:09:08Z');
COMMIT;
