# The extension module mewsgi._mewsgi, and a package folder in the build tree that runs as it is:
#   MEWSGI_PACKAGE_DIR=<build>/package/mewsgi
# It carries no name but PyInit__mewsgi and no shared C++ runtime, so that nothing of ours meets
# what the app's own extension modules load.
find_package(Python 3.9 REQUIRED COMPONENTS Interpreter Development.Module)

set(package_dir ${CMAKE_BINARY_DIR}/package/mewsgi)
set(exported ${CMAKE_CURRENT_SOURCE_DIR}/extension.map)

Python_add_library(_mewsgi MODULE WITH_SOABI ${CMAKE_CURRENT_SOURCE_DIR}/module.cc)
target_link_libraries(_mewsgi PRIVATE mew_python)
target_link_options(_mewsgi PRIVATE -Wl,--version-script=${exported} -Wl,--exclude-libs,ALL)
if(NOT MEW_SANITIZE)
    target_link_options(_mewsgi PRIVATE -static-libstdc++ -static-libgcc)
endif()
set_target_properties(_mewsgi PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY ${package_dir} LINK_DEPENDS ${exported})
install(TARGETS _mewsgi LIBRARY DESTINATION . COMPONENT package)

# The rest of the package, as links: an edited file is the file that runs.
file(GLOB python_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/python/mewsgi/*.py)
file(MAKE_DIRECTORY ${package_dir}/bin)
foreach(file IN LISTS python_files)
    get_filename_component(name ${file} NAME)
    file(CREATE_LINK ${file} ${package_dir}/${name} SYMBOLIC)
endforeach()
if(TARGET mewsgi)
    set_target_properties(mewsgi PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${package_dir}/bin)
endif()
