/* SPDX-License-Identifier: ISC */
#include "mail/date.h"

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

void date_init(void)
{
	tzset();
}

static struct tm local_time(usec wall)
{
	time_t t = (time_t)(wall / USEC_SEC);
	struct tm tm;

	if (!localtime_r(&t, &tm))
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	return tm;
}

void date_write(struct buf *out, usec wall)
{
	struct tm tm = local_time(wall);
	long minutes = tm.tm_gmtoff / 60;
	long distance = minutes < 0 ? -minutes : minutes;

	buf_printf(out, "%s, %2d %s %d %02d:%02d:%02d %c%02ld%02ld (%s)",
	    days[tm.tm_wday % 7], tm.tm_mday, months[tm.tm_mon % 12],
	    1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    minutes < 0 ? '-' : '+', distance / 60, distance % 60,
	    tm.tm_zone ? tm.tm_zone : "UTC");
}

void date_write_plain(struct buf *out, usec wall)
{
	struct tm tm = local_time(wall);
	long minutes = tm.tm_gmtoff / 60;
	long distance = minutes < 0 ? -minutes : minutes;

	buf_printf(out, "%s, %02d %s %04d %02d:%02d:%02d %c%02ld%02ld",
	    days[tm.tm_wday % 7], tm.tm_mday, months[tm.tm_mon % 12],
	    1900 + tm.tm_year, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    minutes < 0 ? '-' : '+', distance / 60, distance % 60);
}

void date_write_short(struct buf *out, usec wall)
{
	struct tm tm = local_time(wall);

	buf_printf(out, "%s %s %2d %02d:%02d:%02d", days[tm.tm_wday % 7],
	    months[tm.tm_mon % 12], tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
}

void date_write_ctime(struct buf *out, usec wall)
{
	struct tm tm = local_time(wall);

	date_write_short(out, wall);
	buf_printf(out, " %d", 1900 + tm.tm_year);
}

void date_write_stamp(struct buf *out, usec wall)
{
	time_t t = (time_t)(wall / USEC_SEC);
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	buf_printf(out, "%04d%02d%02d%02d%02d%02d", 1900 + tm.tm_year,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
