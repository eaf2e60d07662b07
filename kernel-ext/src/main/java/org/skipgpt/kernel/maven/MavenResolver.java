package org.skipgpt.kernel.maven;

import java.io.File;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.apache.maven.model.Model;
import org.apache.maven.model.io.xpp3.MavenXpp3Reader;
import org.codehaus.plexus.util.xml.pull.XmlPullParserException;
import org.eclipse.aether.RepositoryException;
import org.eclipse.aether.RepositorySystem;
import org.eclipse.aether.RepositorySystemSession;
import org.eclipse.aether.RepositorySystemSession.CloseableSession;
import org.eclipse.aether.RepositorySystemSession.SessionBuilder;
import org.eclipse.aether.artifact.Artifact;
import org.eclipse.aether.artifact.DefaultArtifact;
import org.eclipse.aether.collection.CollectRequest;
import org.eclipse.aether.graph.Dependency;
import org.eclipse.aether.repository.RemoteRepository;
import org.eclipse.aether.repository.WorkspaceReader;
import org.eclipse.aether.repository.WorkspaceRepository;
import org.eclipse.aether.resolution.ArtifactDescriptorRequest;
import org.eclipse.aether.resolution.ArtifactDescriptorResult;
import org.eclipse.aether.resolution.ArtifactRequest;
import org.eclipse.aether.resolution.ArtifactResolutionException;
import org.eclipse.aether.resolution.ArtifactResult;
import org.eclipse.aether.resolution.DependencyRequest;
import org.eclipse.aether.supplier.RepositorySystemSupplier;
import org.eclipse.aether.supplier.SessionBuilderSupplier;
import org.eclipse.aether.transfer.AbstractTransferListener;
import org.eclipse.aether.transfer.TransferEvent;
import org.jspecify.annotations.Nullable;

/**
 * Resolves artifacts as Maven does: transitively, the nearest version wins, with the user's settings and local repository.
 *
 * <p>What was asked for before takes part in each further resolution, so that versions fit each other.
 */
public final class MavenResolver {
    private static final String COORDINATES = "group:artifact:version, e.g. org.apache.commons:commons-csv:1.14.1";
    private static final List<String> WANTED_SCOPES = List.of("compile", "runtime", "");

    /**
     * What was resolved.
     *
     * @param added jars that were not there before
     * @param downloads how many files came over the network
     * @param conflicts artifacts whose version is another than the one that is in use already, as sentences
     */
    public record Resolved(List<Path> added, int downloads, List<String> conflicts) {}

    private final MavenSettings settings;
    private final RepositorySystem system = new RepositorySystemSupplier().get();
    private final Map<String, RemoteRepository> repositories = new LinkedHashMap<>();
    private final List<Dependency> roots = new ArrayList<>();
    private final List<Dependency> managed = new ArrayList<>();
    private final Map<String, Artifact> inUse = new LinkedHashMap<>(); // by group, artifact and classifier

    /** Makes a resolver with the settings that {@code mvn} has. */
    public MavenResolver() throws IOException {
        this(MavenSettings.ofUser());
    }

    MavenResolver(MavenSettings settings) {
        this.settings = settings;
        settings.repositories().forEach(repository -> repositories.put(repository.getId(), repository));
    }

    /** Adds a repository; one with the same id is replaced. */
    public void addRepository(String id, String url) {
        if (!url.matches("(https?|file)://?.*")) {
            throw new IllegalArgumentException("'" + url
                    + "' is no address of a repository: expected one that begins with https:, http: or file:");
        }
        repositories.put(id, new RemoteRepository.Builder(id, "default", url).build());
    }

    /** The repositories by id. */
    public List<String> repositories() {
        return repositories.values().stream()
                .map(repository -> repository.getId() + " " + repository.getUrl())
                .toList();
    }

    /**
     * Resolves artifacts with all they need.
     *
     * @param coordinates {@code group:artifact[:extension[:classifier]]:version}; the version may be left out where a BOM
     *     has it
     * @param boms coordinates of POMs whose managed versions count from here on
     * @param progress takes a line for each file that is downloaded
     */
    public Resolved resolve(List<String> coordinates, List<String> boms, Consumer<String> progress) throws IOException {
        AtomicInteger downloads = new AtomicInteger();
        try (CloseableSession session = session(progress, downloads, null)) {
            List<RemoteRepository> remote =
                    system.newResolutionRepositories(session, List.copyOf(repositories.values()));
            List<Dependency> newManaged = new ArrayList<>();
            for (String bom : boms) {
                Artifact pom = artifact(bom, managed);
                newManaged.addAll(describe(
                                session,
                                new DefaultArtifact(pom.getGroupId(), pom.getArtifactId(), "pom", pom.getVersion()),
                                remote)
                        .getManagedDependencies());
            }
            newManaged.addAll(managed);
            List<Dependency> newRoots = new ArrayList<>();
            for (String one : coordinates) {
                newRoots.add(new Dependency(artifact(one, newManaged), "compile"));
            }
            return resolve(session, remote, newRoots, newManaged, downloads);
        } catch (RepositoryException e) {
            throw failure(e);
        }
    }

    /**
     * Brings the sources of all artifacts that were resolved so far into the local repository, beside their jars; where there
     * are none, what javadoc made of them.
     *
     * @param progress takes a line for each file that is downloaded
     * @return the names of those that have neither
     */
    public List<String> fetchDocs(Consumer<String> progress) {
        List<String> without = new ArrayList<>();
        try (CloseableSession session = session(progress, new AtomicInteger(), null)) {
            List<RemoteRepository> remote =
                    system.newResolutionRepositories(session, List.copyOf(repositories.values()));
            for (Artifact artifact : inUse.values()) {
                if (!isThere(session, remote, artifact, "sources") && !isThere(session, remote, artifact, "javadoc")) {
                    without.add(artifact.getArtifactId() + "-" + artifact.getVersion());
                }
            }
        }
        return without;
    }

    private boolean isThere(
            RepositorySystemSession session, List<RemoteRepository> remote, Artifact artifact, String classifier) {
        Artifact docs = new DefaultArtifact(
                artifact.getGroupId(), artifact.getArtifactId(), classifier, "jar", artifact.getVersion());
        try {
            return system.resolveArtifact(session, new ArtifactRequest(docs, remote, null))
                    .isResolved();
        } catch (ArtifactResolutionException e) { // the caller says so
            return false;
        }
    }

    /** Resolves the dependencies of a POM, given whole or as its {@code dependencies} and {@code repositories} only. */
    public Resolved resolvePom(String text, Consumer<String> progress) throws IOException {
        String xml = text.contains("<project") ? text : project(text);
        Model model = model(xml);
        Path folder = Files.createTempDirectory("skipgpt-pom-");
        Path file = Files.writeString(folder.resolve("pom.xml"), xml);
        AtomicInteger downloads = new AtomicInteger();
        Artifact pom = pomArtifact(model);
        try (CloseableSession session = session(progress, downloads, new OnePom(pom, file.toFile()))) {
            List<RemoteRepository> remote =
                    system.newResolutionRepositories(session, List.copyOf(repositories.values()));
            ArtifactDescriptorResult described = describe(session, pom, remote);
            described.getRepositories().forEach(repository -> repositories.putIfAbsent(repository.getId(), repository));
            remote = system.newResolutionRepositories(session, List.copyOf(repositories.values()));
            List<Dependency> wanted = described.getDependencies().stream()
                    .filter(dependency -> WANTED_SCOPES.contains(dependency.getScope()))
                    .toList();
            List<Dependency> newManaged = new ArrayList<>(described.getManagedDependencies());
            newManaged.addAll(managed);
            return resolve(session, remote, wanted, newManaged, downloads);
        } catch (RepositoryException e) {
            throw failure(e);
        } finally {
            Files.deleteIfExists(file);
            Files.deleteIfExists(folder);
        }
    }

    private Resolved resolve(
            RepositorySystemSession session,
            List<RemoteRepository> remote,
            List<Dependency> newRoots,
            List<Dependency> newManaged,
            AtomicInteger downloads)
            throws RepositoryException {
        Set<Dependency> all = new LinkedHashSet<>(roots);
        all.addAll(newRoots);
        CollectRequest collect = new CollectRequest(List.copyOf(all), newManaged, remote);
        List<Path> added = new ArrayList<>();
        List<String> conflicts = new ArrayList<>();
        for (ArtifactResult result : system.resolveDependencies(session, new DependencyRequest(collect, null))
                .getArtifactResults()) {
            Artifact artifact = result.getArtifact();
            if (!artifact.getExtension().equals("jar")) {
                continue;
            }
            String key = artifact.getGroupId() + ":" + artifact.getArtifactId() + ":" + artifact.getClassifier();
            Artifact before = inUse.putIfAbsent(key, artifact);
            if (before == null) {
                added.add(artifact.getPath());
            } else if (!before.getVersion().equals(artifact.getVersion())) {
                conflicts.add(
                        artifact.getGroupId() + ":" + artifact.getArtifactId() + " stays at " + before.getVersion()
                                + ", which is in use, though " + artifact.getVersion()
                                + " is wanted now; restart the kernel and name all artifacts in one %maven");
            }
        }
        roots.clear();
        roots.addAll(all);
        managed.clear();
        managed.addAll(newManaged);
        return new Resolved(added, downloads.get(), conflicts);
    }

    private ArtifactDescriptorResult describe(
            RepositorySystemSession session, Artifact pom, List<RemoteRepository> remote) throws RepositoryException {
        return system.readArtifactDescriptor(session, new ArtifactDescriptorRequest(pom, remote, null));
    }

    private CloseableSession session(
            Consumer<String> progress, AtomicInteger downloads, @Nullable WorkspaceReader own) {
        SessionBuilder session = new SessionBuilderSupplier(system)
                .get()
                .withLocalRepositoryBaseDirectories(settings.localRepository())
                .setSystemProperties(System.getProperties())
                .setTransferListener(new AbstractTransferListener() {
                    @Override
                    public void transferSucceeded(TransferEvent event) {
                        if (event.getRequestType() == TransferEvent.RequestType.GET) {
                            downloads.incrementAndGet();
                            String name = event.getResource().getResourceName();
                            progress.accept(name.substring(name.lastIndexOf('/') + 1));
                        }
                    }
                });
        settings.applyTo(session);
        if (own != null) {
            session.setWorkspaceReader(own);
        }
        return session.build();
    }

    private static Artifact artifact(String coordinates, List<Dependency> managed) throws IOException {
        String[] parts = coordinates.split(":", -1);
        if (parts.length == 2 && !coordinates.contains("#")) {
            return managed.stream()
                    .map(Dependency::getArtifact)
                    .filter(one -> one.getGroupId().equals(parts[0])
                            && one.getArtifactId().equals(parts[1])
                            && one.getClassifier().isEmpty())
                    .findFirst()
                    .orElseThrow(() -> new IOException(
                            coordinates + " has no version, and no BOM named one: expected " + COORDINATES));
        }
        try {
            return new DefaultArtifact(coordinates);
        } catch (IllegalArgumentException e) {
            throw new IOException("'" + coordinates + "' names no artifact: expected " + COORDINATES, e);
        }
    }

    private static String project(String parts) {
        return "<project><modelVersion>4.0.0</modelVersion><groupId>cell</groupId><artifactId>cell</artifactId>"
                + "<version>1</version>"
                + (parts.contains("<dependencies>") ? parts : "<dependencies>" + parts + "</dependencies>")
                + "</project>";
    }

    private static Model model(String xml) throws IOException {
        try {
            return new MavenXpp3Reader().read(new StringReader(xml));
        } catch (XmlPullParserException e) {
            throw new IOException("this is no POM: " + e.getMessage(), e);
        }
    }

    private static Artifact pomArtifact(Model model) {
        var parent = model.getParent();
        String group = model.getGroupId() == null && parent != null ? parent.getGroupId() : model.getGroupId();
        String version = model.getVersion() == null && parent != null ? parent.getVersion() : model.getVersion();
        return new DefaultArtifact(group, model.getArtifactId(), "pom", version);
    }

    // The library's messages name each repository and reason, once for each cause; the first says it all.
    private static IOException failure(RepositoryException e) {
        String message = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        return new IOException(
                message + "; check the coordinates, the repositories (%mavenRepo lists them) and the network", e);
    }

    /** A POM that is in no repository. */
    private record OnePom(Artifact pom, File file) implements WorkspaceReader {
        @Override
        public WorkspaceRepository getRepository() {
            return new WorkspaceRepository("cell");
        }

        @Override
        public @Nullable File findArtifact(Artifact artifact) {
            boolean isIt = artifact.getExtension().equals("pom")
                    && artifact.getGroupId().equals(pom.getGroupId())
                    && artifact.getArtifactId().equals(pom.getArtifactId())
                    && artifact.getVersion().equals(pom.getVersion());
            return isIt ? file : null;
        }

        @Override
        public List<String> findVersions(Artifact artifact) {
            return List.of();
        }
    }
}
