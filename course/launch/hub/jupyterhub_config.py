"""JupyterHub for a department: one machine, the machine's own accounts, nbgrader's exchange.

Started by `pathway hub start`, or by `jupyterhub --config` of this file. What differs from one department to the next
stands in /etc/pathway-hub.toml (or where PATHWAY_HUB says); what stands here is the same for all. To add something of your
own, write a file that begins with load_subconfig("THIS FILE"), and start JupyterHub with that.

Who does what:
- the hub runs as root, because it starts everybody's server as that person;
- the proxy, which alone meets the network, and the idle culler run as an account that owns nothing;
- a person's server runs as that person: what one may read of another is what Linux lets one account read of another.
"""

import pwd
import sys

from course.launch.hub import ground, servers, software
from course.launch.hub.settings import HubError, place, read

try:
    settings = read(place())
    ground.require(settings, say=lambda line: print(f"hub: {line}", file=sys.stderr))
except HubError as error:
    sys.exit(f"hub: {error}")

c = get_config()  # noqa: F821 - given by JupyterHub
account = pwd.getpwnam(settings.account)
as_account = ["/usr/bin/setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
as_account += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]

# ---- addresses: only the proxy is reached from outside, and it only where `listen` says

protocol = "https" if settings.certificate else "http"
c.JupyterHub.bind_url = f"{protocol}://{settings.listen}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
c.JupyterHub.public_url = f"{settings.address.rstrip('/')}/"
if settings.certificate:
    c.JupyterHub.ssl_cert = str(settings.certificate)
    c.JupyterHub.ssl_key = str(settings.key)
if settings.subdomains:
    c.JupyterHub.subdomain_host = settings.address.rstrip("/")

c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_port}"
c.ConfigurableHTTPProxy.command = [*as_account, *software.proxy_command(settings.software)]
c.ConfigurableHTTPProxy.pid_file = str(settings.state / "proxy.pid")

# ---- what the hub keeps, where only root can read it

c.JupyterHub.cookie_secret_file = str(settings.state / "cookie-secret")
c.JupyterHub.db_url = f"sqlite:///{settings.state / 'hub.sqlite'}"
c.JupyterHub.upgrade_db = True  # it makes a copy first

# ---- who may log in: the machine's accounts that are in one of the groups, with the machine's passwords

c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = settings.groups
c.Authenticator.allow_existing_users = False  # who was taken out of the group is out
c.Authenticator.auth_refresh_age = 300

# ---- cookies: for a working day, over encrypted lines alone, and not with requests that another site makes

c.JupyterHub.cookie_max_age_days = 1
c.JupyterHub.tornado_settings = {"cookie_options": {"SameSite": "Lax", "Secure": settings.is_encrypted}}
# A cookie of this kind belongs to one name for sure, and to all of it: right where each person has a name of their own.
c.JupyterHub.cookie_host_prefix_enabled = settings.subdomains and settings.is_encrypted

# ---- servers

c.JupyterHub.spawner_class = "systemd" if settings.isolation == "systemd" else "localprocess"
c.Spawner.pre_spawn_hook = servers.server_for(settings)
c.Spawner.default_url = "/lab"
c.Spawner.notebook_dir = "~"
c.Spawner.env_keep = ["LANG", "LC_ALL"]  # PATH and all else are set for each, and nothing of root's comes along
c.Spawner.environment = {"LANG": "C.UTF-8"}
c.Spawner.disable_user_config = True  # a server's own settings are the hub's; how JupyterLab looks is everybody's own
c.Spawner.mem_limit = settings.memory
c.Spawner.cpu_limit = settings.processors
# A machine on which a whole class starts at once is slow; nobody is sent away for it, but where all places are taken.
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 180
c.JupyterHub.concurrent_spawn_limit = c.JupyterHub.active_server_limit = settings.servers
c.JupyterHub.allow_named_servers = False
if settings.isolation == "systemd":
    c.SystemdSpawner.isolate_tmp = True
    c.SystemdSpawner.isolate_devices = True
    c.SystemdSpawner.disable_user_sudo = True
    c.SystemdSpawner.default_shell = "/bin/bash"

# ---- the one service: stops servers that nobody uses, and may do no more than that

c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [
            *as_account,
            str(software.python(settings.software)),
            "-m",
            "jupyterhub_idle_culler",
            f"--timeout={settings.idle_minutes * 60}",
        ],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    },
    # See who is there, and stop a server that is stuck. JupyterHub's own admins could open everybody's, and there are none.
    {
        "name": "helper",
        "users": list(settings.admins),
        "scopes": ["self", "admin-ui", "list:users", "read:servers", "delete:servers"],
    },
]
