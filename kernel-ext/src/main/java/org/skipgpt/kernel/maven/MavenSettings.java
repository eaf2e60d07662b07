package org.skipgpt.kernel.maven;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.maven.model.building.DefaultModelBuilderFactory;
import org.apache.maven.model.superpom.SuperPomProvider;
import org.apache.maven.settings.Mirror;
import org.apache.maven.settings.Profile;
import org.apache.maven.settings.Proxy;
import org.apache.maven.settings.Server;
import org.apache.maven.settings.Settings;
import org.apache.maven.settings.building.DefaultSettingsBuilderFactory;
import org.apache.maven.settings.building.DefaultSettingsBuildingRequest;
import org.apache.maven.settings.building.SettingsBuildingException;
import org.eclipse.aether.RepositorySystemSession.SessionBuilder;
import org.eclipse.aether.repository.AuthenticationSelector;
import org.eclipse.aether.repository.MirrorSelector;
import org.eclipse.aether.repository.ProxySelector;
import org.eclipse.aether.repository.RemoteRepository;
import org.eclipse.aether.util.repository.AuthenticationBuilder;
import org.eclipse.aether.util.repository.DefaultAuthenticationSelector;
import org.eclipse.aether.util.repository.DefaultMirrorSelector;
import org.eclipse.aether.util.repository.DefaultProxySelector;

/** What the user's {@code settings.xml} says: local repository, mirrors, proxies, passwords, repositories, offline. */
final class MavenSettings {
    private final Settings settings;
    private final Path localRepository;

    private MavenSettings(Settings settings, Path localRepository) {
        this.settings = settings;
        this.localRepository = localRepository;
    }

    /** The settings that {@code mvn} would use in this process's environment. */
    static MavenSettings ofUser() throws IOException {
        Path home = Path.of(System.getProperty("user.home"), ".m2");
        MavenSettings found = read(home.resolve("settings.xml"), home.resolve("repository"));
        String property = System.getProperty("maven.repo.local"); // as for mvn, it wins
        return property == null ? found : new MavenSettings(found.settings, Path.of(property));
    }

    /** Reads a settings file, which may be missing; a local repository that it names takes precedence. */
    static MavenSettings read(Path file, Path localRepository) throws IOException {
        DefaultSettingsBuildingRequest request = new DefaultSettingsBuildingRequest();
        request.setSystemProperties(System.getProperties());
        String mavenHome = System.getenv("MAVEN_HOME");
        if (mavenHome != null) {
            request.setGlobalSettingsFile(
                    Path.of(mavenHome, "conf", "settings.xml").toFile());
        }
        if (Files.exists(file)) {
            request.setUserSettingsFile(file.toFile());
        }
        Settings settings;
        try {
            settings = new DefaultSettingsBuilderFactory()
                    .newInstance()
                    .build(request)
                    .getEffectiveSettings();
        } catch (SettingsBuildingException e) {
            throw new IOException(file + " cannot be used: " + e.getMessage() + "; correct it", e);
        }
        String named = settings.getLocalRepository();
        return new MavenSettings(settings, named == null ? localRepository : Path.of(named));
    }

    Path localRepository() {
        return localRepository;
    }

    /** The repositories that Maven itself would ask: those of active profiles, then the one of its super POM. */
    List<RemoteRepository> repositories() {
        List<RemoteRepository> all = new ArrayList<>();
        for (Profile profile : settings.getProfiles()) {
            boolean isDefault =
                    profile.getActivation() != null && profile.getActivation().isActiveByDefault();
            if (isDefault || settings.getActiveProfiles().contains(profile.getId())) {
                profile.getRepositories()
                        .forEach(repository ->
                                all.add(new RemoteRepository.Builder(repository.getId(), "default", repository.getUrl())
                                        .build()));
            }
        }
        new SuperPom()
                .provider()
                .getSuperModel("4.0.0")
                .getRepositories()
                .forEach(repository -> all.add(
                        new RemoteRepository.Builder(repository.getId(), "default", repository.getUrl()).build()));
        return all;
    }

    /** The POM that all others inherit; it names the central repository. */
    private static final class SuperPom extends DefaultModelBuilderFactory {
        SuperPomProvider provider() {
            return newSuperPomProvider();
        }
    }

    void applyTo(SessionBuilder session) {
        session.setOffline(settings.isOffline());
        session.setMirrorSelector(mirrors());
        session.setProxySelector(proxies());
        session.setAuthenticationSelector(passwords());
    }

    private MirrorSelector mirrors() {
        DefaultMirrorSelector selector = new DefaultMirrorSelector();
        for (Mirror mirror : settings.getMirrors()) {
            selector.add(
                    mirror.getId(),
                    mirror.getUrl(),
                    mirror.getLayout(),
                    false,
                    mirror.isBlocked(),
                    mirror.getMirrorOf(),
                    mirror.getMirrorOfLayouts());
        }
        return selector;
    }

    private ProxySelector proxies() {
        DefaultProxySelector selector = new DefaultProxySelector();
        for (Proxy proxy : settings.getProxies()) {
            if (proxy.isActive()) {
                var login = new AuthenticationBuilder()
                        .addUsername(proxy.getUsername())
                        .addPassword(proxy.getPassword())
                        .build();
                selector.add(
                        new org.eclipse.aether.repository.Proxy(
                                proxy.getProtocol().toLowerCase(Locale.ROOT), proxy.getHost(), proxy.getPort(), login),
                        proxy.getNonProxyHosts());
            }
        }
        return selector;
    }

    private AuthenticationSelector passwords() {
        DefaultAuthenticationSelector selector = new DefaultAuthenticationSelector();
        for (Server server : settings.getServers()) {
            selector.add(
                    server.getId(),
                    new AuthenticationBuilder()
                            .addUsername(server.getUsername())
                            .addPassword(server.getPassword())
                            .addPrivateKey(server.getPrivateKey(), server.getPassphrase())
                            .build());
        }
        return selector;
    }
}
