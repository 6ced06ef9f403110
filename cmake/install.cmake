# What a wheel holds beside the Python files (those scikit-build-core takes from python/mewsgi):
#     mewsgi/_mewsgi.<SOABI>.so     the extension module
#     mewsgi/bin/mewsgi             the native program, which the console script execs
# Destinations are relative to the package's own folder (wheel.install-dir in pyproject.toml).
if(TARGET _mewsgi)
    install(TARGETS _mewsgi LIBRARY DESTINATION . COMPONENT package)
endif()
if(TARGET mewsgi)
    install(TARGETS mewsgi RUNTIME DESTINATION bin COMPONENT package)
endif()
