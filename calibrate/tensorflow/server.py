"""Server: TensorFlow's server of one task, which its sessions and those of other tasks run on."""

from __future__ import annotations

from typing import Any

from nworkers.calibrate.tensorflow.devices import see_only
from nworkers.calibrate.tensorflow.graphs import GROUP_LEADER, session_config
from nworkers.calibrate.training.tasks import Role

_servers: list[Any] = []


def serve_sessions(role: Role) -> str:
    """Start the task's server and return its target; "" where no other task knows this one."""
    import tensorflow as tf

    if not role.member:
        return ""
    # Pools come from the server's configuration; a session's is not looked at.
    config = session_config(grappler=True, threads=role.threads)
    if role.gpu is not None and role.runtime == "coordinator":
        # What is scheduled names a device without knowing on which worker it will run.
        see_only(config, role.gpu)
    if role.job == "worker":
        # Without it in the server's own configuration a collective waits for its peers in vain,
        # whatever the session says.
        config.experimental.collective_group_leader = GROUP_LEADER
    server = tf.distribute.Server(
        role.cluster, job_name=role.job, task_index=role.index, config=config
    )
    # The server ends with its last reference, so the module keeps one.
    _servers.append(server)
    return str(server.target)
