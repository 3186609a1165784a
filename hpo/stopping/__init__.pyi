# written by .ci/write_registered.py from the registry in this folder
