//! The folder that one server holds: the lock, the master key, and the database's file.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process;

use keyward_core::master_key::MasterKey;
use keyward_core::random::Random;
use zeroize::Zeroizing;

use crate::complaint::Complaint;
use crate::config::{Config, Database, MasterKeySource};

/// The data folder, held for as long as this lives: two servers on one folder would each believe a cache of
/// rights that the other has outdated.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// The lock goes with the file, even if the process is killed. None beside a server that holds it.
    _lock: Option<File>,
}

impl DataFolder {
    /// Makes the folder if it isn't there (mode 0700), and takes hold of it.
    pub fn hold(path: &Path) -> Result<Self, Complaint> {
        let shown = path.display();
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
            Complaint::new(format!("The data folder {shown} can't be made: {error}."))
                .hint("Choose a folder that this user may write to with --data-dir.")
        })?;
        let lock_path = path.join("keyward.lock");
        let unusable = |error: io::Error| {
            Complaint::new(format!("The data folder {shown} can't be used: {error}."))
                .hint("Make sure that this user may write to it, or choose another with --data-dir.")
        };
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut lock);
                return Err(Complaint::new(format!("The data folder {shown} is held by {holder}."))
                    .hint("Stop that one first, or choose another folder with --data-dir."));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // Only for the message above.
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", process::id())).map_err(unusable)?;
        Ok(Self { path: path.to_path_buf(), _lock: Some(lock) })
    }

    /// Opens a folder that is there already, for a command at the machine. A server may hold it meanwhile: it sees
    /// what is changed here as it sees another node's changes, within the revocation bound.
    pub fn beside_a_server(config: &Config) -> Result<Self, Complaint> {
        let Database::Sqlite(database) = &config.database;
        if !database.exists() {
            return Err(Complaint::new(format!("There is no database at {}.", database.display()))
                .hint("Name the folder that the server uses with --data-dir."));
        }
        Ok(Self { path: config.data_dir.clone(), _lock: None })
    }

    /// The master key: as it was given, or out of its file, which the first start puts into this folder with
    /// mode 0600.
    pub fn master_key(&self, config: &Config, random: &Random) -> Result<MasterKey, Complaint> {
        match &config.master_key {
            MasterKeySource::Given(key) => Ok(key.clone()),
            MasterKeySource::File(path) => read_key(path)?.ok_or_else(|| {
                Complaint::new(format!("The master key file {} isn't there.", path.display()))
                    .hint("Make one with: (umask 077; openssl rand -hex 32 > FILE)")
            }),
            MasterKeySource::DataFolder => {
                let path = self.path.join("master.key");
                if let Some(key) = read_key(&path)? {
                    return Ok(key);
                }
                let Database::Sqlite(database) = &config.database;
                if database.exists() {
                    // A new key could open nothing of what the old one sealed.
                    let (path, database) = (path.display(), database.display());
                    let sentence =
                        format!("The database {database} is there, but its master key {path} isn't.");
                    return Err(Complaint::new(sentence).hint(
                        "Put the file back from your backup, or give the key with KEYWARD_MASTER_KEY.",
                    ));
                }
                let text = MasterKey::generate(random);
                write_key(&path, &text).map_err(|error| {
                    Complaint::new(format!("The master key {} can't be written: {error}.", path.display()))
                })?;
                Ok(MasterKey::parse(&text)?)
            }
        }
    }
}

/// Who holds a folder, as its lock tells.
fn holder(lock: &mut File) -> String {
    let mut text = String::new();
    match lock.take(20).read_to_string(&mut text).map(|_| text.trim().parse::<u32>()) {
        Ok(Ok(process)) => format!("another server (process {process})"),
        _ => "another process".to_owned(),
    }
}

/// The key in a file; `None` when the file isn't there.
fn read_key(path: &Path) -> Result<Option<MasterKey>, Complaint> {
    let shown = path.display();
    let unreadable =
        |error: io::Error| Complaint::new(format!("The master key {shown} can't be read: {error}."));
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Complaint::new(format!(
            "The master key {shown} may be read by others (mode {mode:04o})."
        ))
        .hint(format!("Run: chmod 600 {shown}")));
    }
    let mut text = Zeroizing::new(String::new());
    // A path that is no key file at all (/dev/zero, say) is not read to its end.
    (&mut file).take(1024).read_to_string(&mut text).map_err(unreadable)?;
    let key = MasterKey::parse(&text).map_err(|_| {
        Complaint::new(format!("The master key {shown} isn't 64 hexadecimal digits."))
            .hint("Put the file back from your backup.")
    })?;
    Ok(Some(key))
}

/// Writes the key under another name first, so that no crash leaves half a key behind.
fn write_key(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("key.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The name is in the folder, which has its own data to be written.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
