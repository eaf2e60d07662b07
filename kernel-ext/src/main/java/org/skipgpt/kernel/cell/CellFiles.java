package org.skipgpt.kernel.cell;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.StandardLocation;
import org.jspecify.annotations.Nullable;

/**
 * What the compilers of a session read, so that the first result comes soon.
 *
 * <p>javac opens and walks through all jars of the class path when it looks for the first package, lists the JDK's packages
 * file by file, and searches all jars for plugins. Here {@link ClassPath} and {@link SystemClasses} list only what is asked
 * for, and plugins are searched where the compiler options name one. JShell lists all classes for completion in the
 * background; it begins with that after the first cell.
 */
final class CellFiles extends ForwardingJavaFileManager<StandardJavaFileManager> implements StandardJavaFileManager {
    private static final Set<String> CLASS_PATH_OPTIONS = Set.of("-cp", "-classpath", "--class-path");
    private static final long INDEX_PAUSE_MILLIS = 2000;

    private final BooleanSupplier isCompiling;
    private final boolean hasPlugins;
    private final CountDownLatch firstCell = new CountDownLatch(1);
    private final SystemClasses system = new SystemClasses();
    private final IdentityHashMap<Location, String> systemModules =
            new IdentityHashMap<>(); // names of modules by their places
    private volatile CompletableFuture<ClassPath> classPath;

    /**
     * Makes a manager.
     *
     * @param standard what reads all else
     * @param classPath the class path
     * @param hasPlugins whether the compiler options name a plugin
     * @param isCompiling whether the calling thread uses the compiler; others list classes for completion
     */
    CellFiles(
            StandardJavaFileManager standard,
            CompletableFuture<ClassPath> classPath,
            boolean hasPlugins,
            BooleanSupplier isCompiling) {
        super(standard);
        this.classPath = classPath;
        this.hasPlugins = hasPlugins;
        this.isCompiling = isCompiling;
    }

    /** The class path as it is now. */
    ClassPath classPath() {
        return classPath.join();
    }

    /** The first cell is done, or somebody waits for the list of all classes. */
    void allowIndex() {
        firstCell.countDown();
    }

    @Override
    public Iterable<JavaFileObject> list(
            Location location, String packageName, Set<JavaFileObject.Kind> kinds, boolean isDeep) throws IOException {
        if (isDeep) { // for annotation processors, which a session has not
            return super.list(location, packageName, kinds, true);
        }
        if (location == StandardLocation.CLASS_PATH) {
            return classPath.join().list(packageName, kinds);
        }
        String module = systemModules.get(location);
        return module != null && kinds.contains(JavaFileObject.Kind.CLASS)
                ? system.list(module, packageName)
                : super.list(location, packageName, kinds, false);
    }

    @Override
    public Iterable<Set<Location>> listLocationsForModules(Location location) throws IOException {
        Iterable<Set<Location>> all = super.listLocationsForModules(location);
        if (location == StandardLocation.SYSTEM_MODULES && systemModules.isEmpty()) {
            for (Set<Location> some : all) {
                for (Location one : some) {
                    systemModules.put(one, super.inferModuleName(one));
                }
            }
        }
        return all;
    }

    @Override
    public @Nullable JavaFileObject getJavaFileForInput(Location location, String className, JavaFileObject.Kind kind)
            throws IOException {
        String module = systemModules.get(location);
        if (module != null && kind == JavaFileObject.Kind.CLASS) {
            return system.find(module, className);
        }
        if (location == StandardLocation.CLASS_PATH) {
            for (JavaFileObject file : list(
                    location, className.substring(0, Math.max(0, className.lastIndexOf('.'))), Set.of(kind), false)) {
                if (className.equals(inferBinaryName(location, file))) {
                    return file;
                }
            }
            return null;
        }
        return super.getJavaFileForInput(location, className, kind);
    }

    @Override
    public @Nullable String inferBinaryName(Location location, JavaFileObject file) {
        return file instanceof ListedClass listed ? listed.binaryName() : super.inferBinaryName(location, file);
    }

    @Override
    public boolean handleOption(String option, Iterator<String> rest) {
        if (!CLASS_PATH_OPTIONS.contains(option) || !rest.hasNext()) {
            return super.handleOption(option, rest);
        }
        classPath = CompletableFuture.completedFuture(new ClassPath(rest.next()));
        return true;
    }

    @Override
    public @Nullable ClassLoader getClassLoader(Location location) {
        boolean isForPlugins =
                location == StandardLocation.CLASS_PATH || location == StandardLocation.ANNOTATION_PROCESSOR_PATH;
        return isForPlugins && !hasPlugins ? ClassLoader.getPlatformClassLoader() : super.getClassLoader(location);
    }

    @Override
    public Iterable<? extends Path> getLocationAsPaths(Location location) {
        if (!isCompiling.getAsBoolean()) {
            awaitFirstCell();
        }
        return location == StandardLocation.CLASS_PATH
                ? classPath.join().paths()
                : fileManager.getLocationAsPaths(location);
    }

    private void awaitFirstCell() {
        try {
            boolean unused = firstCell.await(INDEX_PAUSE_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public Iterable<? extends File> getLocation(Location location) {
        return fileManager.getLocation(location);
    }

    @Override
    public void setLocation(Location location, Iterable<? extends File> files) throws IOException {
        fileManager.setLocation(location, files);
    }

    @Override
    public void setLocationFromPaths(Location location, Collection<? extends Path> files) throws IOException {
        fileManager.setLocationFromPaths(location, files);
    }

    @Override
    public void setLocationForModule(Location location, String module, Collection<? extends Path> files)
            throws IOException {
        fileManager.setLocationForModule(location, module, files);
    }

    @Override
    public Iterable<? extends JavaFileObject> getJavaFileObjectsFromFiles(Iterable<? extends File> files) {
        return fileManager.getJavaFileObjectsFromFiles(files);
    }

    @Override
    public Iterable<? extends JavaFileObject> getJavaFileObjects(File... files) {
        return fileManager.getJavaFileObjects(files);
    }

    @Override
    public Iterable<? extends JavaFileObject> getJavaFileObjects(Path... files) {
        return fileManager.getJavaFileObjects(files);
    }

    @Override
    public Iterable<? extends JavaFileObject> getJavaFileObjectsFromStrings(Iterable<String> names) {
        return fileManager.getJavaFileObjectsFromStrings(names);
    }

    @Override
    public Iterable<? extends JavaFileObject> getJavaFileObjects(String... names) {
        return fileManager.getJavaFileObjects(names);
    }

    @Override
    public Path asPath(FileObject file) {
        return fileManager.asPath(file);
    }

    @Override
    public void setPathFactory(PathFactory factory) {
        fileManager.setPathFactory(factory);
    }
}
