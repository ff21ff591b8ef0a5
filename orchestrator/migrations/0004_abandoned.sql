-- Few among many completed, as those that were compensated: a list of them must not read all.
CREATE INDEX sagas_left ON sagas (seq) WHERE state = 'abandoned';
