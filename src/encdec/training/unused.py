"""Lightning without what its metrics load beside them: a training draws nothing and filters no signal."""

from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("matplotlib", "scipy")


def leave_out_unused(name: str) -> None:
    """Call it with `__name__`, above the imports; in an imported module it does nothing.

    Lightning loads TorchMetrics, and that loads Matplotlib and SciPy's signal processing wherever they are installed,
    which is a fifth of a stage that trains for seconds. It asks lightning_utilities whether they are, and is told no:
    the rest of it works without them. Should it be asked otherwise one day, a test of the graph sees Matplotlib.
    """
    if name != "__main__":
        return
    from lightning_utilities.core import imports

    installed = imports.package_available

    def package_available(package_name: str) -> bool:
        return package_name not in PACKAGES and installed(package_name)

    def version_of(package_name: str) -> str:
        if package_name in PACKAGES:
            raise PackageNotFoundError(package_name)
        return version(package_name)

    for function, answer in {"package_available": package_available, "_version": version_of}.items():
        setattr(imports, function, answer)
