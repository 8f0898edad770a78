"""A test of built programs: a script of this folder over programs, files and settings."""

def tool_test(
        name,
        script,
        programs = {},
        files = [],
        settings = {},
        shards = 1,
        size = "medium",
        tags = [],
        **kwargs):
    """Runs `script`, which sources cases.sh.

    Args:
      name: of the test.
      script: a file of this folder.
      programs: explore, plain, asan, tsan: the programs under test, by their build.
      files: labels whose files the script gets as arguments.
      settings: further NAME=VALUE arguments.
      shards: its cases are dealt out to so many processes.
      size: as of any test.
      tags: as of any test.
      **kwargs: as of any test.
    """
    arguments = ["%s=%s" % setting for setting in settings.items()]
    arguments += ["%s=$(rootpath %s)" % program for program in programs.items()]
    arguments += ["$(rootpaths %s)" % label for label in files]
    native.sh_test(
        name = name,
        srcs = [script],
        size = size,
        args = arguments,
        data = ["cases.sh"] + programs.values() + files + kwargs.pop("data", []),
        shard_count = shards if shards > 1 else None,
        # What the tests compare is built here; --config=asan would only do it all again.
        tags = ["builds"] + tags,
        **kwargs
    )
