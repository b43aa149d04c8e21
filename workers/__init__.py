"""Redis in, tables out: RQ jobs that record facts and derive what they mean.

`rq worker` runs `workers.main.DrainWorker` on the queue `pipeline`. Jobs are named in
`workers.jobs`; none of them carries data of events.
"""
