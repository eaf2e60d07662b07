@echo off
rem The commands of ./run for Windows: run.cmd help
setlocal
set "RUN_JAVA=java"
if defined JAVA_HOME set "RUN_JAVA=%JAVA_HOME%\bin\java"
"%RUN_JAVA%" "-Drun.root=%~dp0." "%~dp0launcher\Run.java" %*
exit /b %ERRORLEVEL%
