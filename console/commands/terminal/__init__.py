"""Input and output that the commands share.

Read `options` and `output` first; `command_group` adds aliases and sections to the help. `launch`,
`progress` and `status_line` serve commands that run long, the views print one kind of result each.
"""
