//! The receipt: bytes become durable before anybody is told so (rules.md 2).

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use ring::digest::{Context as Digest, SHA256, digest};
use rustc_hash::FxHashSet;

use super::hub::Hub;
use super::metrics::label;
use crate::error::{Error, Result};
use crate::model::disposition::Transport;
use crate::store::interchanges::{self, CHUNK_BYTES, NewInterchange};
use crate::store::is_unique_violation;

/// What the transport knows about bytes that it hands in.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Who hands them in.
    pub organisation_id: i64,
    /// The centre.
    pub centre_id: i64,
    /// How.
    pub transport: Transport,
    /// What makes it the same call when it is made again.
    pub transport_id: Option<String>,
    /// Media type as stated, without parameters.
    pub content_type: String,
    /// Character set as stated, else empty.
    pub charset: String,
    /// File name, else empty.
    pub file_name: String,
    /// The person who sent it by the portal.
    pub account_id: Option<i64>,
    /// The delivery whose answer body this is.
    pub answers_delivery_id: Option<i64>,
    /// The mail it came in.
    pub mail_id: Option<i64>,
}

/// What became of a receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// Durable, under this id.
    New(i64),
    /// The same call with the same bytes came before, as this interchange.
    Repeat(i64),
    /// The same call with other bytes came before, as this interchange; nothing was kept of this one.
    Conflict(i64),
}

impl Received {
    /// The interchange it is about.
    pub fn id(self) -> i64 {
        match self {
            Received::New(id) | Received::Repeat(id) | Received::Conflict(id) => id,
        }
    }
}

/// Longest transport id kept, bytes; a longer one is kept as its digest.
const LONGEST_TRANSPORT_ID: usize = 128;

/// Transport ids seen lately: only a hint that a look before the insert pays (retry storms).
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<(FxHashSet<u64>, FxHashSet<u64>)>);

impl Recent {
    /// Notes a key; whether it was there.
    fn note(&self, organisation_id: i64, key: &str) -> bool {
        use std::hash::{Hash, Hasher};
        let mut hasher = rustc_hash::FxHasher::default();
        (organisation_id, key).hash(&mut hasher);
        let hash = hasher.finish();
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.0.contains(&hash) || sets.1.contains(&hash) {
            return true;
        }
        if sets.0.len() >= 32_768 {
            let (young, old) = &mut *sets;
            std::mem::swap(young, old);
            young.clear();
        }
        sets.0.insert(hash);
        false
    }
}

impl Hub {
    /// Keeps bytes; when this returns they are on disk. Larger ones than a chunk go in pieces, see [`Hub::begin_large`].
    pub async fn receive(&self, receipt: Receipt, body: Bytes) -> Result<Received> {
        if body.len() > CHUNK_BYTES {
            let mut large = self.begin_large();
            for piece in body.chunks(CHUNK_BYTES) {
                large.push(self, piece).await?;
            }
            return large.finish(self, receipt).await;
        }
        let digest = <[u8; 32]>::try_from(digest(&SHA256, &body).as_ref()).unwrap_or_default();
        let new = self.new_interchange(receipt, self.next_id(), digest, body.len() as i64);
        self.insert(new, Some(body)).await
    }

    /// Begins a receipt whose bytes come in pieces.
    pub fn begin_large(&self) -> LargeReceipt {
        LargeReceipt { id: self.next_id(), digest: Digest::new(&SHA256), pending: Vec::new(), chunks: 0, size_bytes: 0 }
    }

    fn new_interchange(&self, receipt: Receipt, id: i64, digest: [u8; 32], size_bytes: i64) -> NewInterchange {
        let transport_id = receipt.transport_id.filter(|id| !id.is_empty()).map(|id| {
            if id.len() <= LONGEST_TRANSPORT_ID {
                id
            } else {
                super::hex(ring::digest::digest(&SHA256, id.as_bytes()).as_ref())
            }
        });
        NewInterchange {
            id,
            centre_id: receipt.centre_id,
            organisation_id: receipt.organisation_id,
            transport: receipt.transport,
            transport_id,
            content_type: receipt.content_type,
            charset: receipt.charset,
            file_name: receipt.file_name,
            digest,
            size_bytes,
            received_ms: self.clock.now_ms(),
            account_id: receipt.account_id,
            answers_delivery_id: receipt.answers_delivery_id,
            mail_id: receipt.mail_id,
        }
    }

    async fn insert(&self, new: NewInterchange, body: Option<Bytes>) -> Result<Received> {
        let (id, organisation_id, digest) = (new.id, new.organisation_id, new.digest);
        let transport = new.transport;
        let key = new.transport_id.clone();
        if let Some(key) = &key
            && self.recent().note(organisation_id, key)
            && let Some(before) = self.before(organisation_id, key, digest).await?
        {
            return Ok(before);
        }
        let inserted = self.store.receive(move |tx| interchanges::insert(tx, &new, body.as_deref())).await;
        match (inserted, key) {
            (Ok(()), _) => {
                self.metrics.received.get_or_create(&label("transport", transport.as_str())).inc();
                self.received.notify_one();
                Ok(Received::New(id))
            }
            (Err(error), Some(key)) if is_unique_violation(&error) => {
                self.before(organisation_id, &key, digest).await?.ok_or(error)
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn before(&self, organisation_id: i64, key: &str, digest: [u8; 32]) -> Result<Option<Received>> {
        let key = key.to_owned();
        let found = self.store.read(move |tx| interchanges::by_transport_id(tx, organisation_id, &key)).await?;
        Ok(found.map(|(id, before)| {
            let outcome = if before == digest { Received::Repeat(id) } else { Received::Conflict(id) };
            let word = if before == digest { "repeat" } else { "conflict" };
            self.metrics.refused.get_or_create(&label("outcome", word)).inc();
            outcome
        }))
    }
}

/// A receipt whose bytes come in pieces: chunks are stored as they arrive, one small commit makes them an interchange.
pub struct LargeReceipt {
    id: i64,
    digest: Digest,
    pending: Vec<u8>,
    chunks: i64,
    size_bytes: i64,
}

impl LargeReceipt {
    /// Bytes so far.
    pub fn size_bytes(&self) -> i64 {
        self.size_bytes
    }

    /// Takes the next piece; it is on disk, or in a buffer of less than one chunk.
    pub async fn push(&mut self, hub: &Hub, mut piece: &[u8]) -> Result<()> {
        self.digest.update(piece);
        self.size_bytes += piece.len() as i64;
        while !piece.is_empty() {
            let room = CHUNK_BYTES - self.pending.len();
            let (now, later) = piece.split_at(room.min(piece.len()));
            self.pending.extend_from_slice(now);
            piece = later;
            if self.pending.len() == CHUNK_BYTES {
                self.flush(hub).await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, hub: &Hub) -> Result<()> {
        let (id, number, bytes) = (self.id, self.chunks, std::mem::take(&mut self.pending));
        hub.store.write(move |tx| interchanges::insert_chunk(tx, id, number, &bytes)).await?;
        self.chunks += 1;
        self.pending = Vec::with_capacity(CHUNK_BYTES);
        Ok(())
    }

    /// Makes the pieces an interchange. One that fits a chunk after all is stored as a small one.
    pub async fn finish(mut self, hub: &Hub, receipt: Receipt) -> Result<Received> {
        let digest = <[u8; 32]>::try_from(self.digest.clone().finish().as_ref()).unwrap_or_default();
        let new = hub.new_interchange(receipt, self.id, digest, self.size_bytes);
        if self.chunks == 0 {
            return hub.insert(new, Some(Bytes::from(std::mem::take(&mut self.pending)))).await;
        }
        if !self.pending.is_empty() {
            self.flush(hub).await?;
        }
        let outcome = hub.insert(new, None).await;
        match &outcome {
            Ok(Received::New(_)) => {}
            _ => self.abandon(hub).await,
        }
        outcome
    }

    /// Drops what was stored, when the sender went away or sent too much. What a crash leaves is swept by a job.
    pub async fn abandon(self, hub: &Hub) {
        let id = self.id;
        if let Err(error) = hub.store.write(move |tx| interchanges::delete_chunks(tx, id)).await {
            tracing::warn!(%error, "chunks of an abandoned receipt stay until the sweep");
        }
    }
}

/// Reads a payload piece by piece from the store, for formats; blocks, so only off the async threads.
pub struct PayloadReader {
    store: crate::store::Store,
    id: i64,
    number: i64,
    size_bytes: i64,
    read_bytes: i64,
    chunk: std::io::Cursor<Vec<u8>>,
}

impl PayloadReader {
    /// A reader of an interchange's payload of that size.
    pub fn new(store: crate::store::Store, id: i64, size_bytes: i64) -> PayloadReader {
        PayloadReader { store, id, number: 0, size_bytes, read_bytes: 0, chunk: std::io::Cursor::default() }
    }
}

impl std::io::Read for PayloadReader {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let count = self.chunk.read(out)?;
            if count > 0 || out.is_empty() {
                self.read_bytes += count as i64;
                return Ok(count);
            }
            if self.read_bytes >= self.size_bytes {
                return Ok(0);
            }
            let (id, number) = (self.id, self.number);
            let chunk = self
                .store
                .read_blocking(move |tx| interchanges::payload_part(tx, id, number))
                .and_then(|chunk| chunk.ok_or_else(|| Error::store(format!("chunk {number} of a payload is missing"))))
                .map_err(std::io::Error::other)?;
            if chunk.is_empty() {
                return Err(std::io::Error::other("an empty chunk"));
            }
            self.number += 1;
            self.chunk = std::io::Cursor::new(chunk);
        }
    }
}
