//! Brings the groups to so many jobs. A process of its own: it takes as long as starting them does.

use super::tree::{self, GROUPS};
use plugin_abi::supervisor::{ChildError, SupervisorRef};

/// Those that are missing are started, those that are too many are stopped.
pub(super) async fn fill(jobs: u32) {
    if let Err(error) = try_fill(jobs).await {
        tracing::warn!(%error, jobs, "the jobs are not all there yet");
    }
}

async fn try_fill(jobs: u32) -> Result<(), ChildError> {
    let supervisor = tree::jobs().await?;
    let there = supervisor.which_children().await.map_err(ChildError::Call)?;
    let mut groups: Vec<_> = there.iter().filter_map(|child| child.supervisor()).collect();
    if groups.len() < GROUPS as usize && jobs > 0 {
        for number in groups.len()..GROUPS as usize {
            supervisor.start_from(&number).await?;
        }
        let there = supervisor.which_children().await.map_err(ChildError::Call)?;
        groups = there.iter().filter_map(|child| child.supervisor()).collect();
    }
    for (number, group) in (0..GROUPS).zip(groups) {
        settle(group, share(jobs, number)).await?;
    }
    Ok(())
}

/// What falls to that group.
fn share(jobs: u32, group: u32) -> usize {
    (jobs / GROUPS + u32::from(group < jobs % GROUPS)) as usize
}

async fn settle(group: SupervisorRef, wanted: usize) -> Result<(), ChildError> {
    let there = group.count_children().await.map_err(ChildError::Call)?.specs;
    for _ in there..wanted {
        group.start_from(&()).await?;
    }
    if there > wanted {
        let jobs = group.which_children().await.map_err(ChildError::Call)?;
        for pid in jobs.iter().skip(wanted).filter_map(|job| job.pid) {
            match group.stop_child(pid).await {
                // It has failed meanwhile, and is another one now: the next look finds that.
                Ok(()) | Err(ChildError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_make_the_whole() {
        for jobs in [0, 1, 999, 1000, 10_001, 1_000_000] {
            let shares: Vec<_> = (0..GROUPS).map(|group| share(jobs, group)).collect();
            assert_eq!(shares.iter().sum::<usize>(), jobs as usize);
            assert!(shares[0] - shares[GROUPS as usize - 1] <= 1);
        }
    }
}
