/*
 * doctor_machine.c - checks of programs, clock and limits.
 *
 * nginx loads a module only that was built for its very version and has the
 * same signature: both are read out of the files.
 */

#include "doctor.h"
#include "facts.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#define SYMBOL        "ngx_http_onsite_module"
#define AT_VERSION    40            /* of it: the number of nginx' version */
#define FILES_MIN     1024

static const char *const  module_places[] = {
    "/usr/lib/nginx/modules/ngx_http_onsite_module.so",
    "/usr/lib64/nginx/modules/ngx_http_onsite_module.so",
    "/etc/nginx/modules/ngx_http_onsite_module.so",
};


bool
doctor_library(doctor_t *doctor)
{
    bool         breaks;
    const char  *version;

    version = onsite_store_library(&breaks);

    if (breaks) {
        doctor_find(doctor, DOCTOR_WARNING, "%s breaks the locks of other "
                    "processes when one exits (ITS#10095)", version);
        doctor_remedy(doctor, "use another version of LMDB: 0.9.32 or later, "
                      "or one before 0.9.26; environments are left open "
                      "meanwhile");
    }

    return true;
}


/* A file in memory */

typedef struct {
    const char  *data;              /* NULL: it cannot be read             */
    size_t       size;
} image_t;


static image_t
map(const char *path)
{
    int          fd;
    void        *data;
    image_t      image = { NULL, 0 };
    struct stat  st;

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
        && st.st_size > 0)
    {
        data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

        if (data != MAP_FAILED) {
            image = (image_t) { data, (size_t) st.st_size };
        }
    }

    if (fd >= 0) {
        (void) close(fd);
    }

    return image;
}


static void
unmap(image_t image)
{
    if (image.data != NULL) {
        (void) munmap((void *) (uintptr_t) image.data, image.size);
    }
}


/* What lies at an offset, or NULL. */

static const void *
at(image_t image, uint64_t offset, uint64_t size)
{
    return offset <= image.size && size <= image.size - offset
           ? image.data + offset : NULL;
}


/* nginx' signature: "8,4,8,0000111…" and a zero byte. */

static const char *
find_signature(image_t image)
{
    size_t       n;
    const char  *p, *end = image.data + image.size;

    for (p = image.data; p != NULL && end - p > 40;
         p = memchr(p + 1, '8', (size_t) (end - p - 1)))
    {
        if (p[0] != '8' || p[1] != ',' || p[3] != ',' || p[5] != ',') {
            continue;
        }

        n = strspn(p + 6, "01");

        if (n >= 20 && n < 64 && p + 6 + n < end && p[6 + n] == '\0') {
            return p;
        }
    }

    return NULL;
}


/* "nginx/1.22.1" of the program, as nginx counts: 1022001. */

static unsigned
find_nginx_version(image_t image)
{
    unsigned     a, b, c;
    const char  *p = image.data, *end = image.data + image.size;

    while ((p = memmem(p, (size_t) (end - p), "nginx/1.", 8)) != NULL) {
        if (end - p > 20 && sscanf(p, "nginx/%u.%u.%u", &a, &b, &c) == 3) {
            return a * 1000000 + b * 1000 + c;
        }

        p++;
    }

    return 0;
}


/* The file's offset of an address. */

static uint64_t
offset_of(image_t image, const Elf64_Ehdr *header, uint64_t address)
{
    unsigned           i;
    const Elf64_Phdr  *p;

    for (i = 0; i < header->e_phnum; i++) {
        p = at(image, header->e_phoff + i * sizeof(*p), sizeof(*p));

        if (p != NULL && p->p_type == PT_LOAD && address >= p->p_vaddr
            && address - p->p_vaddr < p->p_filesz)
        {
            return p->p_offset + (address - p->p_vaddr);
        }
    }

    return UINT64_MAX;
}


static uint64_t
find_symbol(image_t image, const Elf64_Ehdr *header, const Elf64_Shdr *table)
{
    uint64_t           i;
    const char        *name;
    const Elf64_Sym   *symbol;
    const Elf64_Shdr  *names;

    names = at(image, header->e_shoff + table->sh_link * sizeof(*names),
               sizeof(*names));

    for (i = 0; names != NULL && i < table->sh_size / sizeof(*symbol); i++) {
        symbol = at(image, table->sh_offset + i * sizeof(*symbol),
                    sizeof(*symbol));
        name = symbol == NULL ? NULL
               : at(image, names->sh_offset + symbol->st_name,
                    sizeof(SYMBOL));

        if (name != NULL && memcmp(name, SYMBOL, sizeof(SYMBOL)) == 0) {
            return offset_of(image, header, symbol->st_value);
        }
    }

    return UINT64_MAX;
}


/* The version of nginx that a module was built for; 0: not known. */

static unsigned
find_built_for(image_t image)
{
    unsigned           i;
    uint64_t           offset = UINT64_MAX;
    const void        *number;
    const Elf64_Ehdr  *header = at(image, 0, sizeof(*header));
    const Elf64_Shdr  *section;

    if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0
        || header->e_ident[EI_CLASS] != ELFCLASS64)
    {
        return 0;
    }

    for (i = 0; i < header->e_shnum && offset == UINT64_MAX; i++) {
        section = at(image, header->e_shoff + i * sizeof(*section),
                     sizeof(*section));

        if (section != NULL && section->sh_type == SHT_DYNSYM) {
            offset = find_symbol(image, header, section);
        }
    }

    number = offset == UINT64_MAX ? NULL
             : at(image, offset + AT_VERSION, sizeof(uint64_t));

    return number != NULL ? (unsigned) *(const uint64_t *) number : 0;
}


static void
compare(doctor_t *doctor, image_t nginx, image_t module)
{
    unsigned     has, wants;
    const char  *of_nginx, *of_module;

    has = find_nginx_version(nginx);
    wants = find_built_for(module);
    of_nginx = find_signature(nginx);
    of_module = find_signature(module);

    if (has != 0 && wants != 0 && has != wants) {
        doctor_find(doctor, DOCTOR_ERROR, "%s was built for nginx %u.%u.%u, "
                    "and %s is %u.%u.%u: it is not loaded", doctor->module,
                    wants / 1000000, wants / 1000 % 1000, wants % 1000,
                    doctor->nginx, has / 1000000, has / 1000 % 1000,
                    has % 1000);
        doctor_remedy(doctor, "install the module's package of this nginx, or "
                      "build it: make module NGINX_SRC=…");

    } else if (of_nginx != NULL && of_module != NULL
               && strcmp(of_nginx, of_module) != 0)
    {
        doctor_find(doctor, DOCTOR_ERROR, "%s and %s are not binary "
                    "compatible: %s and %s", doctor->module, doctor->nginx,
                    of_module, of_nginx);
        doctor_remedy(doctor, "build the module with the options of this "
                      "nginx (nginx -V), or both with --with-compat");
    }
}


bool
doctor_module(doctor_t *doctor)
{
    size_t   i;
    image_t  nginx, module;

    for (i = 0; doctor->module == NULL && i < 3; i++) {
        doctor->module = access(module_places[i], F_OK) == 0
                         ? module_places[i] : NULL;
    }

    if (doctor->module == NULL) {
        return false;
    }

    nginx = map(doctor->nginx);
    module = map(doctor->module);

    if (module.data == NULL) {
        doctor_find(doctor, DOCTOR_ERROR, "%s: %s", doctor->module,
                    strerror(errno));
        doctor_remedy(doctor, "load_module of nginx.conf names it");

    } else if (nginx.data == NULL) {
        doctor_find(doctor, DOCTOR_WARNING, "%s: %s", doctor->nginx,
                    strerror(errno));
        doctor_remedy(doctor, "--nginx names the program");

    } else {
        compare(doctor, nginx, module);
    }

    unmap(nginx);
    unmap(module);

    return true;
}


/* Whether somebody keeps it right: events, tokens and manifests have times. */

bool
doctor_clock(doctor_t *doctor)
{
    struct timex  clock = { .modes = 0 };

    if (adjtimex(&clock) == -1) {
        return false;
    }

    if (clock.status & STA_UNSYNC) {
        doctor_find(doctor, DOCTOR_NOTE, "nothing says that the clock is "
                    "synchronized");
        doctor_remedy(doctor, "run systemd-timesyncd, chrony or ntpd, here "
                      "or on the host: manifests, consent and caps go by the "
                      "time");
    }

    return true;
}


bool
doctor_limits(doctor_t *doctor)
{
    struct rlimit  limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }

    if (limit.rlim_cur < FILES_MIN) {
        doctor_find(doctor, DOCTOR_WARNING, "%llu files may be open at once",
                    (unsigned long long) limit.rlim_cur);
        doctor_remedy(doctor, "LimitNOFILE= of the unit, or ulimit -n %d; of "
                      "nginx worker_rlimit_nofile", FILES_MIN);
    }

    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
        && limit.rlim_cur < 4 * doctor->stat.bytes_size)
    {
        doctor_find(doctor, DOCTOR_WARNING, "a process may map %llu bytes, "
                    "and the state has %llu",
                    (unsigned long long) limit.rlim_cur,
                    (unsigned long long) doctor->stat.bytes_size);
        doctor_remedy(doctor, "ulimit -v unlimited");
    }

    return true;
}


/* nginx that runs */

bool
doctor_nginx(doctor_t *doctor)
{
    facts_nginx_t  nginx = { .good = false };

    if (doctor->config == NULL) {
        return false;
    }

    nginx.url = doctor->config->nginx;

    if (nginx.url == NULL) {
        doctor_find(doctor, DOCTOR_NOTE, "whether nginx runs, and with its "
                    "state, is not watched");
        doctor_remedy(doctor, "nginx = URL of onsite_status, in front of all "
                      "sections of %s", doctor->config->path);
        return true;
    }

    facts_ask_nginx(&nginx);

    if (!nginx.good) {
        doctor_find(doctor, DOCTOR_ERROR, "nginx does not answer at %s: %s",
                    nginx.url, nginx.why);
        doctor_remedy(doctor, "is nginx running, and is this the location of "
                      "onsite_status, which lets this machine in?");
        return true;
    }

    if (nginx.available <= 0) {
        doctor_find(doctor, DOCTOR_ERROR, "nginx runs without its state: "
                    "visitors are not remembered");
        doctor_remedy(doctor, "nginx's error log says why: shards= of "
                      "onsite_state that are not those of the folder, or "
                      "size= that its file system has no room for?");
    }

    if (nginx.errors > 0) {
        doctor_find(doctor, DOCTOR_WARNING, "the state refused %.0f operations "
                    "of nginx", nginx.errors);
        doctor_remedy(doctor, "nginx's error log says which; they are counted "
                      "since nginx began");
    }

    return true;
}
