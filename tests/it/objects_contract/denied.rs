//! Rights, which a privileged process has always: the clause is run by a process of an ordinary user.

use super::{Ground, tree};
use data_in_motion::adapters::objects::LocalObjects;
use data_in_motion::ports::objects::Forgetful;
use data_in_motion::ports::objects::ObjectError;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

/// Nobody, on every Linux.
const NOBODY: u32 = 65534;

#[tokio::test]
#[ignore = "is run by rights_are_looked_at_beforehand as an ordinary user"]
async fn as_an_ordinary_user() {
    let ground = Ground::new(Arc::new(LocalObjects::new()));
    ground.write("set/a", "1");
    ground.write("set/closed", "2");
    ground.write("set/shut/b", "3");
    ground.write("fixed/x", "4");
    let mode = |path: &str, mode: u32| {
        fs::set_permissions(ground.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    let listing = ground.store.list(&ground.source()).await.unwrap();
    mode("set/closed", 0o000);
    mode("fixed", 0o555);
    let before = tree(&ground.path(""));
    let target = ground.prefix("fixed/copy");
    let survey = ground
        .store
        .survey(&ground.source(), &target, &listing)
        .await
        .unwrap();
    assert!(survey.not_writable.unwrap().contains("fixed"));
    assert!(survey.not_readable.unwrap().contains("set/closed"));
    let staging = ground.staging("fixed/copy");
    let refused = ground.store.prepare(&staging).await.unwrap_err();
    assert!(
        matches!(&refused, ObjectError::Denied(m) if m.contains("fixed")),
        "{refused}"
    );

    let staging = ground.staging("copy");
    ground.store.prepare(&staging).await.unwrap();
    let closed = ground.object("closed").await;
    let copy = ground
        .store
        .copy(&ground.source(), &staging, &closed, &Forgetful, &ground.meter)
        .await;
    assert!(
        matches!(&copy, Err(ObjectError::Denied(m)) if m.contains("closed")),
        "{copy:?}"
    );
    ground
        .store
        .discard(&staging, Vec::new(), Vec::new())
        .await
        .unwrap();

    mode("set/shut", 0o000);
    let list = ground.store.list(&ground.source()).await;
    assert!(
        matches!(&list, Err(ObjectError::Denied(m)) if m.contains("shut")),
        "{list:?}"
    );
    mode("set/shut", 0o555);
    let remove = ground.store.remove(&ground.source(), listing.objects).await;
    assert!(
        matches!(&remove, Err(ObjectError::Denied(m)) if m.contains("shut")),
        "{remove:?}"
    );
    mode("set/shut", 0o755);
    mode("fixed", 0o755);
    assert!(before.contains(&"set/shut/b".to_owned()) && ground.path("set/shut/b").exists());
}

#[test]
fn rights_are_looked_at_beforehand() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "objects_contract::denied::as_an_ordinary_user",
        "--ignored",
    ]);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    match command.current_dir("/").output() {
        Ok(out) if out.status.success() => {
            let said = String::from_utf8_lossy(&out.stdout);
            assert!(said.contains("1 passed"), "{said}");
        }
        Ok(out) => panic!("{}", String::from_utf8_lossy(&out.stdout)),
        Err(error) => eprintln!("SKIPPED: the test program cannot be run as an ordinary user: {error}"),
    }
}
