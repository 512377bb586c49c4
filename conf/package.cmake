# The Debian package, made on the release that it is for: the sonames of hiredis differ. `ninja -C BUILD package`.
set(ORDERD_MAINTAINER "orderd maintainers <maintainers@orderd.invalid>" CACHE STRING "who is named as the package's maintainer")

# 0.1.0-1~deb12 is older than 0.1.0-1~deb13, so that an upgrade of the release takes its package.
set(release 1)
if(EXISTS /etc/os-release)
  file(STRINGS /etc/os-release id REGEX "^ID=debian$")
  file(STRINGS /etc/os-release version REGEX "^VERSION_ID=")
  string(REGEX REPLACE "[^0-9]" "" version "${version}")
  if(id AND version)
    set(release 1~deb${version})
  endif()
endif()

set(debian ${CMAKE_CURRENT_SOURCE_DIR}/debian)
configure_file(${debian}/changelog.in ${CMAKE_CURRENT_BINARY_DIR}/changelog @ONLY)
orderd_install_packed(${CMAKE_CURRENT_BINARY_DIR}/changelog changelog.Debian ${doc})
install(FILES ${debian}/copyright DESTINATION ${doc})
install(FILES ${debian}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME orderd)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME orderd)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${release})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${ORDERD_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# procps has the kill of the unit's reload.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "librdkafka1 (>= 2.0.2), procps, init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "redis-server, kcat, prometheus")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "order events from Kafka, applied to Redis exactly once
orderd takes order events (purchases, listings, reservations and others)
from Kafka, applies each to a market kept in Redis by an optimistic
transaction, publishes an outcome for every event to Kafka, and commits
the offset last. Whatever crashes, rebalances or loses a reply: effects
are applied once or not at all, and nothing is dropped in silence.
.
It comes with systemd units, alert rules for Prometheus, a dashboard for
Grafana and JSON schemas of its events.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# A package of another prefix would be none that Debian knows: its units would name other paths.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  include(CPack)
endif()
